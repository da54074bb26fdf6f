import {
  definePolicy,
  type Layer,
  type Policy,
  type PolicyOptions,
  perHour,
  perMinute,
  perSecond,
} from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** The limits that apply, by counter. */
function limits(
  policy: Policy,
  category: string,
  account?: string,
  plan?: string,
  region?: string,
  environment?: string,
): Record<string, number[]> {
  const { counters } = policy.resolve({ category, account, plan, region, environment });
  return Object.fromEntries(counters.map(({ name, quotas }) => [name, quotas.map(({ limit }) => limit)]));
}

describe('precedence', () => {
  const policy = definePolicy({
    quotas: [perMinute(1)],
    categories: { legs: [perMinute(2)] },
    regions: { sg: { quotas: [perMinute(3)] } },
    plans: { gold: { quotas: [perMinute(4)], categories: { legs: [perMinute(5)] } } },
    environments: { sandbox: { quotas: [perMinute(6)] } },
    accounts: { acme: { categories: { legs: [perMinute(7)] } }, other: { quotas: [perMinute(8)] } },
  });

  it.each([
    [['misc'], { misc: [1] }],
    [['legs'], { legs: [2] }],
    [['legs', 'x', 'x', 'sg'], { legs: [3] }],
    [['legs', 'x', 'gold', 'sg'], { legs: [5] }],
    [['misc', 'x', 'gold', 'sg'], { misc: [4] }],
    [['legs', 'x', 'gold', 'sg', 'sandbox'], { 'sandbox/legs': [6] }],
    [['legs', 'acme', 'gold', 'sg', 'sandbox'], { legs: [7] }],
    [['misc', 'acme', 'gold', 'sg', 'sandbox'], { 'sandbox/misc': [6] }],
    [['misc', 'acme', 'gold', 'sg', 'production'], { misc: [4] }],
    [['legs', 'other', 'gold', 'sg', 'sandbox'], { legs: [8] }],
  ] as const)('%j', (question, expected) => {
    expect(limits(policy, ...(question as unknown as [category: string]))).toEqual(expected);
  });

  it('is account, environment, plan, region, base, for every combination of layers', () => {
    const choice = fc.record({ quotas: fc.boolean(), category: fc.boolean(), total: fc.boolean() });
    fc.assert(
      fc.property(fc.tuple(choice, choice, choice, choice, choice), (choices) => {
        // A limit shows its layer: 10, 20, … is for its quotas, 11, 21, … its category, 12, 22, … its total.
        const layers = choices.map(({ quotas, category, total }, index) => {
          const tens = 10 * (index + 1);
          return {
            ...(quotas ? { quotas: [perMinute(tens)] } : {}),
            ...(category ? { categories: { legs: [perMinute(tens + 1)] } } : {}),
            ...(total ? { total: [perMinute(tens + 2)] } : {}),
          } satisfies Layer;
        });
        const [account, environment, plan, region, base] = layers as readonly Layer[] as [
          Layer,
          Layer,
          Layer,
          Layer,
          Layer,
        ];
        const policy = definePolicy({
          quotas: [perMinute(50)],
          ...base,
          accounts: { a: account },
          environments: { e: environment },
          plans: { p: plan },
          regions: { r: region },
        });
        const deciding = choices.findIndex(({ quotas, category }) => quotas || category);
        const total = choices.findIndex(({ total }) => total);
        const limit = deciding < 0 ? 50 : 10 * (deciding + 1) + (choices[deciding]!.category ? 1 : 0);
        expect(limits(policy, 'legs', 'a', 'p', 'r', 'e')).toEqual({
          [deciding === 1 ? 'e/legs' : 'legs']: [limit],
          ...(total < 0 ? {} : { [total === 1 ? 'e/*' : '*']: [10 * (total + 1) + 2] }),
        });
      }),
    );
  });

  it('replaces whole lists, and never merges them', () => {
    const policy = definePolicy({
      quotas: [perMinute(100), perSecond(10), perHour(500)],
      plans: { gold: { quotas: [perMinute(1000)] } },
      accounts: { acme: { categories: { legs: [perSecond(3)] } } },
    });
    expect(limits(policy, 'legs', 'x', 'gold')).toEqual({ legs: [1000] });
    expect(limits(policy, 'legs', 'acme', 'gold')).toEqual({ legs: [3] });
    expect(limits(policy, 'misc', 'acme')).toEqual({ misc: [100, 10, 500] });
  });

  it("treats 'unlimited' as a list, without a counter", () => {
    const policy = definePolicy({
      quotas: [perMinute(1)],
      categories: { health: 'unlimited' },
      total: [perMinute(9)],
      plans: { gold: { total: 'unlimited' } },
      accounts: { acme: { quotas: 'unlimited', total: 'unlimited' } },
    });
    expect(limits(policy, 'health')).toEqual({ '*': [9] });
    expect(limits(policy, 'legs', 'x', 'gold')).toEqual({ legs: [1] });
    expect(policy.resolve({ category: 'legs', account: 'acme' })).toMatchObject({ counters: [], quotas: [] });
    expect(definePolicy({ quotas: 'unlimited' }).resolve({ category: 'legs' })).toMatchObject({
      counters: [],
      quotas: [],
    });
  });
});

describe('counters', () => {
  it('an environment has its own counter only if its own layer decides', () => {
    const policy = definePolicy({
      quotas: [perMinute(1)],
      total: [perMinute(2)],
      environments: { sandbox: { categories: { legs: [perMinute(3)] } }, staging: { total: [perMinute(4)] } },
    });
    expect(limits(policy, 'legs', 'x', undefined, undefined, 'sandbox')).toEqual({ 'sandbox/legs': [3], '*': [2] });
    expect(limits(policy, 'misc', 'x', undefined, undefined, 'sandbox')).toEqual({ misc: [1], '*': [2] });
    expect(limits(policy, 'legs', 'x', undefined, undefined, 'staging')).toEqual({ legs: [1], 'staging/*': [4] });
    expect(limits(policy, 'legs', 'x', undefined, undefined, 'production')).toEqual({ legs: [1], '*': [2] });
  });

  it('no category or environment names the counter of another', () => {
    const marks = fc.string({ unit: fc.constantFrom('/', '*', '%', '2', 'f', 'a'), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.uniqueArray(marks, { minLength: 2, maxLength: 6 }), (names) => {
        const layer = { quotas: [perMinute(2)], total: [perMinute(3)] };
        const policy = definePolicy({
          quotas: [perMinute(1)],
          total: [perMinute(4)],
          environments: new Map(names.map((name) => [name, layer])),
        });
        const seen = new Set<string>();
        for (const environment of [undefined, ...names]) {
          const totals = new Set<string>();
          for (const category of names) {
            const [own, total] = policy.resolve({ category, account: 'a', environment }).counters;
            expect(seen.has(own!.name)).toBe(false);
            seen.add(own!.name);
            totals.add(total!.name);
          }
          expect(totals.size).toBe(1);
          for (const total of totals) {
            expect(seen.has(total)).toBe(false);
            seen.add(total);
          }
        }
      }),
    );
  });

  it('a total without a name of its own gets one with total-', () => {
    const namesOf = (options: PolicyOptions) =>
      definePolicy(options)
        .resolve({ category: 'legs' })
        .quotas.map(({ name, scope }) => [scope, name]);
    expect(namesOf({ quotas: [perMinute(1)], total: [perMinute(9), perHour(99)] })).toEqual([
      ['category', 'per-minute'],
      ['total', 'total-per-minute'],
      ['total', 'total-per-hour'],
    ]);
    expect(namesOf({ quotas: [perMinute(1)], total: [perMinute(9, { name: 'account' })] })).toEqual([
      ['category', 'per-minute'],
      ['total', 'account'],
    ]);
    expect(namesOf({ quotas: [perMinute(1, { name: 'same' })], total: [perHour(9, { name: 'same' })] })).toEqual([
      ['category', 'same'],
      ['total', 'total-same'],
    ]);
  });

  it('equal queries get one object, also for accounts that the policy does not name', () => {
    const policy = definePolicy({ quotas: [perMinute(1)], accounts: { acme: { quotas: [perMinute(2)] } } });
    expect(policy.resolve({ category: 'legs', account: 'a' })).toBe(policy.resolve({ category: 'legs', account: 'b' }));
    expect(policy.resolve({ category: 'legs', account: 'acme' })).not.toBe(
      policy.resolve({ category: 'legs', account: 'b' }),
    );
  });

  it('answers are right after more categories than the cache keeps', () => {
    const policy = definePolicy({ quotas: [perMinute(1)], categories: { legs: [perMinute(2)] } });
    for (let i = 0; i < 40_000; i++) policy.resolve({ category: `c${i}` });
    expect(limits(policy, 'legs')).toEqual({ legs: [2] });
    expect(limits(policy, 'c39999')).toEqual({ c39999: [1] });
  });
});

describe('hostile names', () => {
  const hostile = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '', '\0', '\ud800'];

  it('have no effect if the policy does not name them', () => {
    const layer = { quotas: [perMinute(9)] };
    const policy = definePolicy({
      quotas: [perMinute(1)],
      categories: { legs: [perMinute(2)] },
      accounts: { a: layer },
      environments: { a: layer },
      plans: { a: layer },
      regions: { a: layer },
    });
    for (const name of hostile) {
      expect(limits(policy, 'legs', name, name, name, name)).toEqual({ legs: [2] });
      expect(policy.resolve({ category: name }).counters.map(({ quotas }) => quotas.map(({ limit }) => limit))).toEqual(
        [[1]],
      );
    }
  });

  it('a Map may name __proto__', () => {
    const policy = definePolicy({
      quotas: [perMinute(1)],
      accounts: new Map([['__proto__', { quotas: [perMinute(5)] }]]),
    });
    expect(limits(policy, 'legs', '__proto__')).toEqual({ legs: [5] });
    expect(limits(policy, 'legs', 'constructor')).toEqual({ legs: [1] });
  });

  it('__proto__ is an ordinary name if parsed from JSON, and refused in a literal', () => {
    const parsed = JSON.parse('{"__proto__": {"quotas": [{"limit": 5, "windowMs": 60000}]}}');
    const policy = definePolicy({ quotas: [perMinute(1)], accounts: parsed });
    expect(limits(policy, 'legs', '__proto__')).toEqual({ legs: [5] });
    const literal = () =>
      definePolicy({ quotas: [perMinute(1)], accounts: { __proto__: { quotas: [perMinute(5)] } } as never });
    expect(literal).toThrow(expect.objectContaining({ code: 'TOLLGATE_OPTION_TYPE' }));
  });
});

describe('errors', () => {
  const base = { quotas: [perMinute(1)] };
  it.each<[unknown, typeof TypeError | typeof RangeError, string, string]>([
    [undefined, TypeError, 'TYPE', 'Expected `policy` to be a plain object, got undefined'],
    [{}, TypeError, 'TYPE', "Expected `policy.quotas` to be an array of 1 to 8 quotas or 'unlimited', got undefined"],
    [
      { quotas: [] },
      RangeError,
      'RANGE',
      "Expected `policy.quotas` to be an array of 1 to 8 quotas or 'unlimited', got an array of 0",
    ],
    [
      { quotas: Array.from({ length: 9 }, (_, i) => perSecond(1, { every: i + 1 })) },
      RangeError,
      'RANGE',
      'got an array of 9',
    ],
    [{ quotas: 'unlimted' }, TypeError, 'TYPE', 'Expected `policy.quotas`'],
    [
      { quotas: [{ limit: 1, windowMs: 0.5 }] },
      RangeError,
      'RANGE',
      'Expected `policy.quotas[0].windowMs` to be an integer from 100 to 2678400000, got 0.5',
    ],
    [
      { quotas: [perMinute(1), perMinute(2)] },
      RangeError,
      'RANGE',
      'Expected `policy.quotas[1].windowMs` to be different from the other quotas of its list, got 60000',
    ],
    [
      { quotas: [perMinute(1, { name: 'a' }), perHour(2, { name: 'a' })] },
      RangeError,
      'RANGE',
      'Expected `policy.quotas[1].name` to be different from the other quotas of its list, got "a"',
    ],
    [{ ...base, categories: { legs: [] } }, RangeError, 'RANGE', 'Expected `policy.categories.legs`'],
    [
      { ...base, categories: { '': [perMinute(1)] } },
      RangeError,
      'RANGE',
      'Expected `policy.categories key` to be a string of at least one character, got ""',
    ],
    [
      { ...base, total: [{ limit: '1', windowMs: 1000 }] },
      TypeError,
      'TYPE',
      'Expected `policy.total[0].limit` to be an integer from 0 to 2147483647, got "1"',
    ],
    [
      { ...base, plans: { gold: { qoutas: [] } } },
      TypeError,
      'UNKNOWN',
      'Unknown option `policy.plans.gold.qoutas`: expected one of quotas, categories, total, throttle, mode',
    ],
    [{ ...base, plans: [] }, TypeError, 'TYPE', 'Expected `policy.plans` to be a plain object, got an array of 0'],
    [
      { ...base, accounts: { a: null } },
      TypeError,
      'TYPE',
      'Expected `policy.accounts.a` to be a plain object, got null',
    ],
    [
      { ...base, environments: { e: { categories: { legs: 5 } } } },
      TypeError,
      'TYPE',
      'Expected `policy.environments.e.categories.legs`',
    ],
    [{ ...base, regions: { sg: { total: [] } } }, RangeError, 'RANGE', 'Expected `policy.regions.sg.total`'],
    [{ ...base, region: {} }, TypeError, 'UNKNOWN', 'Unknown option `policy.region`'],
  ])('%o is refused', (options, kind, code, message) => {
    const define = () => definePolicy(options as PolicyOptions);
    expect(define).toThrow(kind);
    expect(define).toThrow(expect.objectContaining({ code: `TOLLGATE_OPTION_${code}` }));
    expect(define).toThrow(message);
  });
});

describe('names', () => {
  it('of one decision are all different, whatever the options are', () => {
    const policy = definePolicy({
      quotas: [perMinute(1, { name: 'a' }), perHour(1, { name: 'total-a' })],
      total: [perMinute(1, { name: 'a' })],
    });
    expect(policy.resolve({ category: 'legs' }).quotas.map(({ name }) => name)).toEqual([
      'a',
      'total-a',
      'total-total-a',
    ]);
  });

  it('in errors are quoted and shortened if they are not ordinary words', () => {
    const define = (accounts: object) => () => definePolicy({ quotas: 'unlimited', accounts: accounts as never });
    expect(define({ 'x\ny': { limit: 1 } })).toThrow('Unknown option `policy.accounts."x\\ny".limit`');
    const long = define({ ['k'.repeat(1_000_000)]: { quotas: [] } });
    expect(long).toThrow(
      /^Expected `policy\.accounts\."k{80}… \(1000000 characters\)"\.quotas` to be .*, got an array of 0$/,
    );
  });
});

describe('onStoreFailure and localShare', () => {
  const quotas = [perMinute(100)];

  it('are by default local, with a share of 1', () => {
    const resolution = definePolicy({ quotas }).resolve({ category: 'legs' });
    expect(resolution.onStoreFailure).toBe('local');
    expect(resolution.local.counters).toBe(resolution.counters);
    expect(resolution.local.quotas).toBe(resolution.quotas);
  });

  it('apply to a category, else by default', () => {
    const onStoreFailure = { default: 'deny', categories: { legs: 'allow' } } as const;
    const policy = definePolicy({ quotas, onStoreFailure });
    expect(policy.resolve({ category: 'legs' }).onStoreFailure).toBe('allow');
    expect(policy.resolve({ category: 'bridges' }).onStoreFailure).toBe('deny');
    expect(policy.resolve({ category: 'constructor' }).onStoreFailure).toBe('deny');
    const unset = definePolicy({ quotas, onStoreFailure: { categories: { legs: 'deny' } } });
    expect(unset.resolve({ category: 'bridges' }).onStoreFailure).toBe('local');
    expect(definePolicy({ quotas, onStoreFailure: 'allow' }).resolve({ category: 'bridges' }).onStoreFailure).toBe(
      'allow',
    );
  });

  it('scale the limits, and nothing else', () => {
    const policy = definePolicy({
      quotas,
      total: [{ limit: 3, windowMs: 1000, slices: 2, name: 'burst' }],
      localShare: 0.5,
    });
    const { counters, local } = policy.resolve({ category: 'legs' });
    expect(counters.map((counter) => counter.quotas.map(({ limit }) => limit))).toEqual([[100], [3]]);
    expect(local.counters).toMatchObject([
      { name: 'legs', quotas: [{ limit: 50, windowMs: 60_000 }] },
      { name: '*', quotas: [{ limit: 1, windowMs: 1000, slices: 2, name: 'burst' }] },
    ]);
    expect(local.quotas).toMatchObject([
      { name: 'per-minute', limit: 50, scope: 'category' },
      { name: 'burst', limit: 1, scope: 'total' },
    ]);
    expect(policy.resolve({ category: 'legs' })).toBe(policy.resolve({ category: 'legs', account: 'anyone' }));
  });

  it.each([
    [
      { onStoreFailure: 'open' },
      RangeError,
      /`policy.onStoreFailure` to be one of "local", "allow", "deny", got "open"/,
    ],
    [{ onStoreFailure: null }, TypeError, /`policy.onStoreFailure` to be a plain object, got null/],
    [{ onStoreFailure: { default: 'open' } }, RangeError, /`policy.onStoreFailure.default`/],
    [{ onStoreFailure: { category: {} } }, TypeError, /Unknown option `policy.onStoreFailure.category`/],
    [
      { onStoreFailure: { categories: { legs: true } } },
      RangeError,
      /`policy.onStoreFailure.categories.legs`.*got true/,
    ],
    [{ onStoreFailure: { categories: [] } }, TypeError, /`policy.onStoreFailure.categories`/],
    [{ localShare: 0 }, RangeError, /`policy.localShare` to be a number above 0 and at most 1, got 0/],
    [{ localShare: 1.1 }, RangeError, /`policy.localShare`/],
    [{ localShare: Number.NaN }, RangeError, /`policy.localShare`.*got NaN/],
    [{ localShare: '1' }, TypeError, /`policy.localShare`.*got "1"/],
    [{ plans: { gold: { localShare: 1 } } }, TypeError, /Unknown option `policy.plans.gold.localShare`/],
  ])('%j is refused', (options, kind, message) => {
    const define = () => definePolicy({ quotas, ...options } as never);
    expect(define).toThrow(kind);
    expect(define).toThrow(message);
  });
});
