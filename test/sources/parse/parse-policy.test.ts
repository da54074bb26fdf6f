import { definePolicy, type Layer, type PolicyOptions, perMinute, perSecond } from '@tollgate/core';
import { PolicyFileError, type PolicyProblem, parseLayer, parsePolicy } from '@tollgate/sources';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsFor } from '../../effort.js';

function refused(parse: () => unknown): PolicyFileError {
  try {
    parse();
  } catch (error) {
    expect(error).toBeInstanceOf(PolicyFileError);
    return error as PolicyFileError;
  }
  throw new Error('nothing was thrown');
}

const problemsOf = (text: string) => refused(() => parsePolicy(text)).problems;

/** The text at the position of a problem. */
function textAt(text: string, { line, column }: { readonly line: number; readonly column: number }): string {
  const found = text.split(/\r?\n/)[line - 1];
  expect(found, `line ${line}`).toBeDefined();
  return found!.slice(column - 1);
}

const HOSTILE = [
  '__proto__',
  'constructor',
  'toString',
  '007',
  '1e3',
  'null',
  '~',
  'true',
  'a: b',
  '}{',
  '\0',
  '#',
  'a.b',
];
const name = fc.oneof(
  fc.constantFrom(...HOSTILE, 'x'.repeat(3000), `${'y'.repeat(99)}1`, `${'y'.repeat(99)}2`),
  fc.string({ minLength: 1, maxLength: 8, unit: 'binary' }),
);
const quotas = fc
  .uniqueArray(fc.constantFrom(1000, 2000, 60_000, 3_600_000), { minLength: 1, maxLength: 3 })
  .chain((windows) =>
    fc.tuple(...windows.map((windowMs) => fc.record({ limit: fc.nat(9999), windowMs: fc.constant(windowMs) }))),
  );
const list = fc.oneof(quotas, fc.constant('unlimited' as const));
const throttle = fc.constantFrom(false as const, {
  afterViolations: 3,
  withinMs: 1000,
  forMs: 2000,
  factor: 0.25,
  escalate: { factor: 2, maxMs: 9000 },
});
const entries = <T>(of: fc.Arbitrary<T>) =>
  fc.uniqueArray(fc.tuple(name, of), { maxLength: 4, selector: ([name]) => name });
const category = fc.oneof(
  list,
  fc.record(
    { quotas: list, throttle, mode: fc.constantFrom('enforce' as const, 'observe' as const) },
    { requiredKeys: [] },
  ),
);
const layer = fc.record(
  {
    quotas: list,
    categories: entries(category).map((all) => mapOf(all)),
    total: list,
    throttle,
    mode: fc.constantFrom('enforce' as const, 'observe' as const),
  },
  { requiredKeys: [] },
);

/** An object whose own properties have these names, `__proto__` included, as `JSON.parse` makes it. */
function mapOf<T>(all: readonly (readonly [string, T])[]): Record<string, T> {
  const text = all.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join();
  return JSON.parse(`{${text}}`);
}

describe('the content of a text', () => {
  it('equals the same options, for any names', () => {
    const policies = fc.record({
      base: layer,
      plans: entries(layer),
      regions: entries(layer),
      environments: entries(layer),
      accounts: entries(layer),
      indent: fc.constantFrom(undefined, 2, '\t'),
      isJson: fc.boolean(),
    });
    fc.assert(
      fc.property(policies, ({ base, plans, regions, environments, accounts, indent, isJson }) => {
        const layers = [...plans, ...regions, ...environments, ...accounts].map(([, layer]) => layer);
        const known = [base, ...layers].flatMap(({ categories = {} }) => Object.keys(categories));
        const options = {
          ...base,
          ...(known.length > 0 && { known: { categories: known } }),
          quotas: base.quotas ?? 'unlimited',
          plans: mapOf(plans),
          regions: mapOf(regions),
          environments: mapOf(environments),
          accounts: mapOf(accounts),
        };
        const expected = definePolicy(options as PolicyOptions);
        const json = JSON.stringify(options, undefined, indent);
        // A comment makes it YAML.
        const parsed = parsePolicy(isJson ? json : `${json} # as YAML`);
        expect(JSON.stringify(parsed.options)).toBe(JSON.stringify(options));
        const categories = ['other', ...Object.keys(base.categories ?? {})];
        for (const [, { categories: more }] of [...plans, ...accounts]) categories.push(...Object.keys(more ?? {}));
        const some = (all: readonly (readonly [string, Layer])[], index: number) => all[index]?.[0];
        for (let index = 0; index < 4; index++) {
          for (const category of categories) {
            const query = {
              category,
              account: some(accounts, index),
              plan: some(plans, index),
              region: some(regions, index),
              environment: some(environments, index),
            };
            expect(parsed.policy.explain(query)).toEqual(expected.explain(query));
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('may be YAML with comments and anchors, and keeps names as written', () => {
    const { policy, options } = parsePolicy(
      `%YAML 1.1
--- # limits of the Legs API
$schema: https://example.com/policy.schema.json
quotas: &usual
  - { limit: 100, windowMs: 60_000 }`.replace('60_000', '60000') +
        `
plans:
  gold: &gold
    categories:
      legs: *usual
      'yes': "unlimited"
  silver: *gold
accounts:
  007: { quotas: [{ limit: 7, windowMs: 1000 }] }
  null: { quotas: [{ limit: 8, windowMs: 1000 }] }
  0x10: { quotas: [{ limit: 9, windowMs: 1000 }] }
`,
    );
    const limit = (category: string, account: string, plan?: string) =>
      policy.resolve({ category, account, plan }).quotas[0]?.limit;
    expect(limit('legs', 'x', 'silver')).toBe(100);
    expect(limit('yes', 'x', 'gold')).toBeUndefined();
    expect(['007', 'null', '0x10', '7', '', '16'].map((account) => limit('a', account))).toEqual([
      7, 8, 9, 100, 100, 100,
    ]);
    expect(options).not.toHaveProperty('$schema');
    expect(Object.keys(options.accounts!)).toEqual(['007', 'null', '0x10']);
  });

  it('has subjects, addresses, a service and blocks, with addresses as they are written', () => {
    const text = `
quotas: [{ limit: 100, windowMs: 60000 }]
each:
  key: [{ limit: 60, windowMs: 60000 }]
  leg: { quotas: [{ limit: 5, windowMs: 1000 }], blocked: { L9: true, L10: { until: 2026-12-31T18:00:00+05:30 } } }
service: [{ limit: 2000, windowMs: 1000 }]
addresses:
  quotas: [{ limit: 20, windowMs: 60000 }]
  203.0.113.0/24: blocked
  2001:db8::/32: unlimited
  ::1: { blocked: { until: 1798720200000 } }
  192.0.2.7: { each: { key: unlimited } }
accounts:
  mallory: blocked
  late: { blocked: { until: "2026-12-31T12:30:00Z" } }
`;
    const { policy, options, positionOf } = parsePolicy(text);
    expect(definePolicy(JSON.parse(JSON.stringify(options))).known).toEqual(policy.known);
    const subjects = { key: 'k7', leg: 'L1' };
    const names = policy.resolve({ category: 'x', account: 'acme', subjects }).counters.map(({ name }) => name);
    expect(names).toEqual(['x', 'service', '*~key', '*~leg']);
    const ends = (query: object) => {
      const block = policy.blockOf({ category: 'x', ...query }, undefined, 0);
      return block && (block.until ?? 'never');
    };
    expect(ends({ account: 'mallory' })).toBe('never');
    expect(ends({ account: 'late' })).toBe(1_798_720_200_000);
    expect(ends({ account: 'acme', subjects: { leg: 'L10' } })).toBe(1_798_720_200_000);
    expect(ends({ address: '203.0.113.9' })).toBe('never');
    expect(ends({ address: '::1' })).toBe(1_798_720_200_000);
    expect(policy.resolve({ category: 'x', address: '2001:db8::1' }).quotas.map(({ scope }) => scope)).toEqual([
      'service',
    ]);
    const { from } = policy.blockOf({ category: 'x', address: '203.0.113.9' }, undefined, 0)!;
    expect(textAt(text, positionOf(from)!)).toMatch(/^203\.0\.113\.0\/24: blocked/);
    expect(textAt(text, positionOf('policy.addresses."::1".blocked.until')!)).toMatch(/^until: 1798720200000/);
    expect(textAt(text, positionOf('policy.each.leg.blocked.L10')!)).toMatch(/^L10:/);
  });

  it.each([
    '\uFEFFquotas: unlimited',
    'quotas: unlimited\r\ntotal: unlimited\r\n',
    '{\n\t"quotas":\n\t\t"unlimited"\n}',
    'quotas:\tunlimited',
  ])('may have a byte order mark, Windows line ends and tabs: %j', (text) => {
    expect(parsePolicy(text).policy.resolve({ category: 'legs' }).quotas).toEqual([]);
  });

  it('can be the layer of one account', () => {
    const { layer, options, positionOf } = parseLayer(
      'categories:\n  legs: [{ limit: 5, windowMs: 1000 }]\nmode: observe',
    );
    const policy = definePolicy({ quotas: [perMinute(1)] });
    expect(policy.resolve({ category: 'legs', account: 'a' }, layer).quotas[0]!.limit).toBe(5);
    expect(options).toEqual({
      categories: { legs: [perSecond(5)].map(({ limit, windowMs }) => ({ limit, windowMs })) },
      mode: 'observe',
    });
    expect(positionOf('layer.categories.legs[0].limit')).toEqual({ line: 2, column: 12 });
    const { message, problems } = refused(() => parseLayer('{ plans: {}, quotas: [] }', { file: 'a.yaml' }));
    expect(message).toMatch(/^a.yaml:1:3 Unknown option `layer.plans`: .*\na.yaml:1:14 Expected `layer.quotas` to be /);
    expect(problems).toHaveLength(2);
  });
});

describe('the position of an option', () => {
  const text = `# positions count from 1
quotas: &usual
  - limit: 1
    windowMs: 1000
  - { windowMs: 60000, limit: 2 }
plans:
  gold: { quotas: *usual, total: 'unlimited' }
  a.b:
    quotas: 'unlimited'
accounts:
  "\\0 }{": { mode: observe }
`;
  const { positionOf } = parsePolicy(text);

  it.each([
    ['policy.quotas', 'quotas: &usual'],
    ['policy.quotas[0]', 'limit: 1'],
    ['policy.quotas[0].windowMs', 'windowMs: 1000'],
    ['policy.quotas[1]', '{ windowMs: 60000'],
    ['policy.quotas[1].limit', 'limit: 2 }'],
    ['policy.plans.gold', 'gold: {'],
    ['policy.plans.gold.quotas', 'quotas: *usual,'],
    ['policy.plans.gold.quotas[1].limit', 'limit: 2 }'],
    ['policy.plans.a.b.quotas', "quotas: 'unlimited'"],
    ['policy.accounts."\\u0000 }{".mode', 'mode: observe'],
  ])('%s', (option, expected) => {
    expect(textAt(text, positionOf(option)!)).toMatch(new RegExp(`^${expected.replace(/[{*]/g, '\\$&')}`));
  });

  it.each([
    'policy.total',
    'policy.quotas[2]',
    'policy.plans.a',
    'policy.plans.gold.',
    'quotas',
    '',
    'policy.plans key',
  ])('is undefined for %j', (option) => {
    expect(positionOf(option)).toBeUndefined();
  });
});

const STRANGE = 'Expected a policy with options such as `quotas`, got another text, which is not shown';

describe('the problems of a text', () => {
  it('are all reported at their positions, and nothing else is', () => {
    const broken = fc.constantFrom('limit', 'windowMs', 'unknown', 'missing', 'none', 'none');
    const layers = fc.uniqueArray(
      fc.tuple(name, fc.array(fc.array(broken, { minLength: 1, maxLength: 3 }), { maxLength: 3 })),
      {
        maxLength: 3,
        selector: ([name]) => name.slice(0, 80),
      },
    );
    const laid = fc.record({
      plans: layers,
      accounts: layers,
      base: layers,
      indent: fc.constantFrom(undefined, 1, 4, '\t'),
    });
    fc.assert(
      fc.property(laid, ({ plans, accounts, base, indent }) => {
        const expected: string[] = [];
        const list = (kinds: readonly string[], path: string) =>
          kinds.map((kind, index) => {
            const windowMs = 1000 * (index + 1);
            const at = `${path}[${index}]`;
            if (kind === 'limit') expected.push(`${at}.limit`);
            if (kind === 'windowMs') expected.push(`${at}.windowMs`);
            if (kind === 'unknown') expected.push(`${at}.burst`);
            if (kind === 'missing') expected.push(`${at}.limit`);
            return {
              ...(kind === 'missing' ? {} : { limit: kind === 'limit' ? -1 : 5 }),
              windowMs: kind === 'windowMs' ? '60 s' : windowMs,
              ...(kind === 'unknown' ? { burst: 1 } : {}),
            };
          });
        const shown = (name: string) =>
          refused(() => parsePolicy(`{"quotas":"unlimited",${JSON.stringify(name)}:1}`)).problems[0]!.option!.slice(
            'policy.'.length,
          );
        const categories = (all: readonly (readonly string[])[], path: string) =>
          mapOf(all.map((kinds, index) => [`c${index}`, list(kinds, `${path}.categories.c${index}`)] as const));
        const map = (layers: readonly (readonly [string, readonly (readonly string[])[]])[], path: string) =>
          mapOf(
            layers.map(([name, all]) => [name, { categories: categories(all, `${path}.${shown(name)}`) }] as const),
          );
        const policy = {
          quotas: 'unlimited',
          known: { categories: ['c0', 'c1', 'c2'] },
          categories: categories(base[0]?.[1] ?? [], 'policy'),
          plans: map(plans, 'policy.plans'),
          accounts: map(accounts, 'policy.accounts'),
        };
        const text = JSON.stringify(policy, undefined, indent);
        if (expected.length === 0) return void parsePolicy(text);
        const problems = problemsOf(text);
        expect(problems.map(({ option }) => option).sort()).toEqual(expected.sort());
        for (const { option, message, ...position } of problems) {
          const key = /\w+$/.exec(option!)![0];
          const missing = message.endsWith('got undefined');
          expect(textAt(text, position)).toMatch(missing ? /^\{/ : new RegExp(`^"${key}":`));
        }
      }),
      { numRuns: 60 },
    );
  });

  it.each<[string, string, readonly (readonly [string, string?])[]]>([
    ['nothing', '', [['1:1 Expected a policy, got nothing']]],
    ['comments alone', '# nothing\n', [['1:1 Expected a policy, got nothing']]],
    ['null', 'null', [['1:1 Expected a policy, got nothing']]],
    ['a number', '\n 5', [[`2:2 ${STRANGE}`]]],
    ['a text', 'quotas', [[`1:1 ${STRANGE}`]]],
    ['an array', '- a', [[`1:1 ${STRANGE}`]]],
    ['no quotas', 'mode: observe', [[`1:1 ${STRANGE}`]]],
    [
      'limits, but no quotas',
      'quota: [{ limit: 1, windowMs: 1000 }]',
      [
        ['1:1 Unknown option `policy.quota`', 'policy.quota'],
        ["1:1 Expected `policy.quotas` to be an array of 1 to 8 quotas or 'unlimited', got undefined", 'policy.quotas'],
      ],
    ],
    [
      'categories that the policy does not have',
      [
        'quotas: unlimited',
        'categories: { legs: unlimited }',
        'onStoreFailure: { categories: { Legs: deny } }',
        'accounts: { a: { categories: { leg: unlimited, lesg: unlimited } }, b: { total: [] } }',
      ].join('\n'),
      [
        [
          '3:33 Expected `policy.onStoreFailure.categories.Legs` to be a category of the policy, got "Legs": did you mean',
          'policy.onStoreFailure.categories.Legs',
        ],
        [
          '4:32 Expected `policy.accounts.a.categories.leg` to be a category of the policy, got "leg": did you mean legs?',
          'policy.accounts.a.categories.leg',
        ],
        ['4:48 Expected `policy.accounts.a.categories.lesg` to be', 'policy.accounts.a.categories.lesg'],
        ['4:74 Expected `policy.accounts.b.total` to be', 'policy.accounts.b.total'],
      ],
    ],
    ['an early end', '{ "quotas": [', [['1:14 '], ['1:14 ']]],
    ['a tab as indentation', 'quotas:\n\t- limit: 1', [['2:1 Tabs are not allowed as indentation']]],
    ['a name twice', '{ "quotas": "unlimited",\n  "quotas": [] }', [['2:3 Expected `quotas` once, got it again']]],
    [
      '__proto__ twice',
      'quotas: unlimited\nplans: { __proto__: {}, __proto__: {} }',
      [['2:25 Expected `__proto__` once, got it again']],
    ],
    [
      'a tag',
      'quotas: !!binary aGk=',
      [
        ['1:1 Expected `policy.quotas` to be an array of 1 to 8 quotas or \'unlimited\', got "aGk="', 'policy.quotas'],
        ['1:9 Unresolved tag: tag:yaml.org,2002:binary'],
      ],
    ],
    ['another tag', 'quotas: !mine unlimited', [['1:9 Unresolved tag: !mine']]],
    ['a merge', 'quotas: unlimited\n<<: { total: unlimited }', [['2:1 Unknown option `policy."<<"`', 'policy."<<"']]],
    ['a list as a name', 'quotas: unlimited\n? [a]\n: 1', [['2:3 Expected the name of an option, got something else']]],
    ['two documents', 'quotas: unlimited\n---\nquotas: unlimited', [['2:1 Expected one document, got another']]],
    [
      'an alias without an anchor',
      'quotas: *usual',
      [['1:9 Expected `*usual` to refer to an earlier anchor, got none']],
    ],
    [
      'an alias of itself',
      'quotas: unlimited\nplans: &a\n  gold: *a',
      [['3:9 Expected `*a` to refer to an earlier anchor, got one that contains it']],
    ],
    [
      'an empty name',
      'quotas: unlimited\nplans:\n  "": {}',
      [['3:3 Expected `policy.plans key` to be a string of at least one character, got ""', 'policy.plans key']],
    ],
    [
      'an empty category',
      'quotas: unlimited\ncategories: { a: unlimited, "": unlimited }',
      [['2:29 Expected `policy.categories key`', 'policy.categories key']],
    ],
    [
      'values that are not maps',
      'quotas: unlimited\nplans: []\nregions: 5\naccounts: null',
      [
        ['2:1 Expected `policy.plans`', 'policy.plans'],
        ['3:1 Expected `policy.regions`', 'policy.regions'],
        ['4:1 Expected `policy.accounts`', 'policy.accounts'],
      ],
    ],
    [
      'values that are not layers',
      'quotas: unlimited\nplans: { a: [], b: 5, c: }',
      [
        ['2:10 Expected `policy.plans.a`', 'policy.plans.a'],
        ['2:17 Expected `policy.plans.b`', 'policy.plans.b'],
        ['2:23 Expected `policy.plans.c`', 'policy.plans.c'],
      ],
    ],
    [
      'two quotas of one window',
      'quotas: [{limit: 1, windowMs: 1000},{limit: 2, windowMs: 1000}]',
      [['1:48 Expected `policy.quotas[1].windowMs` to be different', 'policy.quotas[1].windowMs']],
    ],
    [
      'throttles',
      'quotas: unlimited\nthrottle: { afterViolations: 0, withinMs: 1, forMs: 5000, escalate: { factor: 1, maxMs: 4000 } }',
      [
        [
          '2:1 Expected `policy.throttle.factor` to be a number from 0 to below 1, got undefined',
          'policy.throttle.factor',
        ],
        ['2:13 Expected `policy.throttle.afterViolations`', 'policy.throttle.afterViolations'],
        ['2:33 Expected `policy.throttle.withinMs`', 'policy.throttle.withinMs'],
        ['2:71 Expected `policy.throttle.escalate.factor`', 'policy.throttle.escalate.factor'],
        ['2:82 Expected `policy.throttle.escalate.maxMs` to be an integer from 5000', 'policy.throttle.escalate.maxMs'],
      ],
    ],
    [
      'options for a failing store',
      'quotas: unlimited\nonStoreFailure: { default: open, categories: { legs: close } }\nlocalShare: 2',
      [
        ['2:19 Expected `policy.onStoreFailure.default`', 'policy.onStoreFailure.default'],
        ['2:48 Expected `policy.onStoreFailure.categories.legs`', 'policy.onStoreFailure.categories.legs'],
        ['3:1 Expected `policy.localShare`', 'policy.localShare'],
      ],
    ],
    [
      'a mistake that an alias repeats, once',
      'quotas: unlimited\nplans: { a: &a { quotas: [] }, b: *a }',
      [['2:18 Expected `policy.plans.a.quotas`', 'policy.plans.a.quotas']],
    ],
    [
      'subjects, addresses and blocks',
      [
        'quotas: unlimited',
        'each: { leg: { blocked: [5, L1] }, key: { quotas: [] } }',
        'service: {}',
        'addresses: { 203.0.113.7/24: blocked, 192.0.2.7: bloked, ::1: { quotas: [] } }',
        'accounts: { a: { blocked: { until: soon } }, b: blokked, c: { each: { lge: unlimited } } }',
        'plans: { gold: { blocked: true } }',
      ].join('\n'),
      [
        ['2:26 Expected `policy.each.leg.blocked[0]` to be a string, got 5', 'policy.each.leg.blocked[0]'],
        ['2:43 Expected `policy.each.key.quotas` to be', 'policy.each.key.quotas'],
        ['3:1 Expected `policy.service.quotas` to be', 'policy.service.quotas'],
        ['4:14 Expected `policy.addresses."203.0.113.7/24"` to be', 'policy.addresses."203.0.113.7/24"'],
        ['4:39 Expected `policy.addresses.192.0.2.7` to be a layer', 'policy.addresses.192.0.2.7'],
        ['4:65 Expected `policy.addresses."::1".quotas` to be', 'policy.addresses."::1".quotas'],
        ['5:29 Expected `policy.accounts.a.blocked.until` to be', 'policy.accounts.a.blocked.until'],
        ["5:46 Expected `policy.accounts.b` to be a layer, 'blocked' or 'unlimited'", 'policy.accounts.b'],
        ['5:71 Expected `policy.accounts.c.each.lge` to be a subject of the policy', 'policy.accounts.c.each.lge'],
        ['6:18 Unknown option `policy.plans.gold.blocked`', 'policy.plans.gold.blocked'],
      ],
    ],
    ['byte order mark', '\uFEFFquotas: []', [['1:1 Expected `policy.quotas`', 'policy.quotas']]],
    [
      'Windows line ends',
      'quotas: unlimited\r\ntotal:\r\n  - limit: 1\r\n',
      [['3:5 Expected `policy.total[0].windowMs`', 'policy.total[0].windowMs']],
    ],
  ])('%s', (_, text, expected) => {
    const error = refused(() => parsePolicy(text, { file: 'p.yaml' }));
    expect(error.file).toBe('p.yaml');
    const lines = error.message.split('\n');
    expect(lines).toHaveLength(expected.length);
    for (const [index, [begins, option]] of expected.entries()) {
      const { message, line, column, ...rest }: PolicyProblem = error.problems[index]!;
      expect(lines[index]).toBe(`p.yaml:${line}:${column} ${message}`);
      expect(`${line}:${column} ${message}`.slice(0, begins.length)).toBe(begins);
      expect(rest.option).toBe(option);
    }
  });

  it('are found under the right one of several names that errors shorten alike', () => {
    const names = ['1', '2', '3'].map((end) => `${'y'.repeat(99)}${end}`);
    const of = (limits: readonly number[]) =>
      names.map((name, index) => `  ${name}: [{ limit: ${limits[index]}, windowMs: 1000 }]\n`).join('');
    const [problem, ...others] = problemsOf(`quotas: unlimited\ncategories:\n${of([1, -1, 1])}`);
    expect(problem).toMatchObject({ line: 4, message: expect.stringContaining('got -1') });
    expect(others).toEqual([]);
    expect(
      problemsOf(
        `quotas: unlimited\nplans:\n${of([-1, 1, -3]).replaceAll(': [', ': { total: [').replaceAll(']', '] }')}`,
      ).map(({ line }) => line),
    ).toEqual([3, 5]);
    expect(
      problemsOf(`quotas: unlimited\nonStoreFailure: { categories: { ${names[0]}: deny, ${names[1]}: nope } }`),
    ).toMatchObject([{ column: 141 }]);
  });

  it('are reported up to 50, in little time', () => {
    const many = Array.from({ length: 5000 }, (_, index) => `  a${index}: { quotas: [], mode: nope }`).join('\n');
    const problems = problemsOf(`quotas: unlimited\naccounts:\n${many}\n`);
    expect(problems).toHaveLength(50);
    expect(problems.at(-1)).toMatchObject({ line: 27, option: 'policy.accounts.a24.mode' });
    expect(problemsOf('}'.repeat(1000)).length).toBeLessThanOrEqual(50);
  });

  it('are reported for hostile texts: deep ones, growing ones, and values that are not text', () => {
    expect(problemsOf(`quotas: ${'['.repeat(100_000)}`)).toMatchObject([
      { line: 1, message: 'Expected at most 100 levels, got more' },
    ]);
    expect(problemsOf(`quotas:\n${'- '.repeat(100_000)}`)).toMatchObject([
      { message: 'Expected at most 100 levels, got more' },
    ]);
    expect(problemsOf(`${'{"quotas":'.repeat(3000)}1${'}'.repeat(3000)}`)).toHaveLength(1);
    let laughs = 'quotas: unlimited\na0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n';
    for (let level = 1; level < 12; level++) {
      laughs += `a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join()}]\n`;
    }
    expect(problemsOf(laughs).map(({ message }) => message)).toContain(
      'Expected aliases to repeat at most 1000000 parts, got more',
    );
    expect(problemsOf('\0\x01\x02'.repeat(1000))[0]!.message).not.toMatch(/\p{Cc}/u);
    expect(problemsOf('%'.repeat(1000)).length).toBeGreaterThan(0);
    expect(() => parsePolicy(Buffer.from('quotas: unlimited') as never)).toThrow(
      expect.objectContaining({ code: 'TOLLGATE_OPTION_TYPE' }),
    );
    expect(() => parsePolicy('quotas: unlimited', { path: 'x' } as never)).toThrow(
      expect.objectContaining({ code: 'TOLLGATE_OPTION_UNKNOWN' }),
    );
  });

  it('are the only error of any text, at positions inside it', () => {
    const piece = fc.constantFrom(
      'quotas',
      'plans',
      ':',
      ' ',
      '\n',
      '- ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      "'",
      '&a ',
      '*a',
      '!t ',
      '|',
      '>',
      '?',
      '#',
      '%',
      '---\n',
      '\t',
      '1',
      'unlimited',
      '\uFEFF',
      '\r\n',
      '\0',
      '<<',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join('')),
        (text) => {
          try {
            parsePolicy(text);
          } catch (error) {
            expect(error).toBeInstanceOf(PolicyFileError);
            const { problems } = error as PolicyFileError;
            expect(problems.length).toBeGreaterThan(0);
            const lines = text.split('\n');
            for (const { line, column } of problems) {
              expect(line).toBeGreaterThanOrEqual(1);
              expect(line).toBeLessThanOrEqual(lines.length);
              expect(column).toBeGreaterThanOrEqual(1);
              expect(column).toBeLessThanOrEqual(lines[line - 1]!.length + 1);
            }
          }
        },
      ),
      { numRuns: runsFor(1000), examples: [['{- quotas{---\nquotas']] },
    );
  });
});

describe('a text that is no policy', () => {
  it.each([
    ['a token', 'hunter2hunter2'],
    ['variables', 'PASSWORD=hunter2\nTOKEN="hunter2'],
    ['accounts of a system', 'root:hunter2:0:0:/root:/bin/sh'],
    ['a key', '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----'],
    ['a map of secrets', 'data:\n  hunter2: hunter2\n  mode: hunter2'],
    ['JSON', '{ "type": "service_account", "private_key": "hunter2" }'],
    ['JSON with a mistake', '{ "private_key": "hunter2", }}'],
    ['a list', '- hunter2\n- hunter2'],
    ['an alias', '*hunter2'],
    ['a directive', '%hunter2\n---\na: b'],
    ['a tag', '!hunter2 a'],
    ['a block header', 'a: |hunter2\n  b'],
    ['an escape', 'a: "\\hunter2"'],
    ['a word at the end', '"a" hunter2'],
    ['equal names', '{ hunter2: 1, hunter2: 2 }'],
    ['many levels', `${'['.repeat(200)}hunter2`],
    ['accounts', 'accounts: { hunter2: { password: hunter2 } }'],
  ])('is not shown by an error: %s', (_, text) => {
    for (const parse of [parsePolicy, parseLayer]) {
      const error = refused(() => parse(text, { file: 'p.yaml' }));
      expect(error.mayBeQuoted).toBe(false);
      expect(error.cause).toBeUndefined();
      expect(JSON.stringify([error.message, error.stack, error.problems])).not.toContain('hunter');
      expect(error.message).toMatch(/^p\.yaml:\d+:\d+ Expected a (policy|layer) with options such as/);
    }
  });

  it('is not reported where it is a valid layer', () => {
    const { layer, positionOf } = parseLayer('mode: observe # as YAML');
    expect(layer.mode).toBe('observe');
    expect(positionOf('layer.mode')).toEqual({ line: 1, column: 1 });
    expect(refused(() => parsePolicy('quotas: nothing')).mayBeQuoted).toBe(true);
  });
});
