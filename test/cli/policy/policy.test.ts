import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { tollgate } from '../tollgate.js';

// Each command is a process, and a test has several.
vi.setConfig({ testTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), 'tollgate-policies-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const GOOD = `quotas: [{ limit: 100, windowMs: 60000 }]
total: [{ limit: 300, windowMs: 60000 }]
throttle: { afterViolations: 10, withinMs: 60000, forMs: 300000, factor: 0.5 }
localShare: 0.25
plans:
  enterprise:
    categories:
      legs: [{ limit: 2000, windowMs: 60000 }, { limit: 100, windowMs: 1000 }]
  trial:
    mode: observe
environments:
  sandbox:
    categories: { legs: { quotas: unlimited, throttle: false }, actions: [{ limit: 8, windowMs: 5000 }] }
accounts:
  ameyo5m:
    categories:
      legs: [{ limit: 6000, windowMs: 60000 }]
    replace: true
`;
const good = file('policy.yaml', GOOD);

describe('tollgate policy check', () => {
  it('lists the contents of a valid policy', async () => {
    const { code, stdout, stderr } = await tollgate(['policy', 'check', good]);
    expect(stdout).toBe(`${good} is a valid policy.
  quotas        100/minute
  total         300/minute
  service       none
  plans         enterprise, trial
  regions       none
  environments  sandbox
  accounts      ameyo5m
  addresses     none
  categories    legs, actions
  subjects      none
  throttles     policy
  observed      policy.plans.trial
  blocked       none
`);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  it('prints the contents as JSON, for a policy from stdin', async () => {
    const { code, stdout } = await tollgate(['policy', 'check', '-', '--json'], { input: GOOD });
    expect(JSON.parse(stdout)).toEqual({
      file: 'stdin',
      valid: true,
      problems: [],
      warnings: [],
      contents: {
        quotas: [{ limit: 100, windowMs: 60_000 }],
        total: [{ limit: 300, windowMs: 60_000 }],
        service: null,
        plans: ['enterprise', 'trial'],
        regions: [],
        environments: ['sandbox'],
        accounts: ['ameyo5m'],
        addresses: [],
        categories: ['legs', 'actions'],
        subjects: [],
        throttles: ['policy'],
        observed: ['policy.plans.trial'],
        blocked: [],
      },
    });
    expect(code).toBe(0);
  });

  it('lists all problems with their positions, the line and a caret', async () => {
    const bad = file('bad.yaml', GOOD.replace('2000', '"many"').replace('mode: observe', 'mod: observe'));
    const { code, stdout, stderr } = await tollgate(['policy', 'check', bad]);
    const option = 'policy.plans.enterprise.categories.legs[0].limit';
    expect(stdout).toBe(`${bad}:8:16 Expected \`${option}\` to be an integer from 0 to 2147483647, got "many"

8 |       legs: [{ limit: "many", windowMs: 60000 }, { limit: 100, windowMs: 10…
  |                ^

${bad}:10:5 Unknown option \`policy.plans.trial.mod\`: expected one of quotas, categories, total, throttle, mode, each, replace

10 |     mod: observe
   |     ^
`);
    expect(stderr).toBe('');
    expect(code).toBe(1);
    const forPrograms = await tollgate(['policy', 'check', bad, '--json']);
    expect(forPrograms.code).toBe(1);
    expect(JSON.parse(forPrograms.stdout)).toMatchObject({
      file: bad,
      valid: false,
      problems: [
        { line: 8, column: 16, option },
        { line: 10, column: 5, option: 'policy.plans.trial.mod' },
      ],
    });
  });

  it('points at the column of a long line with tabs and control characters', async () => {
    const long = `{"quotas":\t"unlimited", "plans": {"\u202e\u{1f600}": {}, ${Array.from({ length: 500 }, (_, at) => `"p${at}": {}`)}, "x\u2028": 7}}`;
    const { code, stdout } = await tollgate(['policy', 'check', '-'], { input: long });
    expect(code).toBe(1);
    expect(stdout).not.toMatch(/(?!\n)[\p{C}\u2028]/u);
    const [, , line = '', caret = ''] = stdout.split('\n');
    expect(line.length).toBeLessThan(150);
    expect(line.slice(caret.indexOf('^'))).toBe('"x\\u2028": 7}}');
    const short = await tollgate(['policy', 'check', '-'], { input: '\tquotas: x' });
    expect(short.code).toBe(1);
    expect(short.stdout).toMatch(/^stdin:1:1 /);
  });

  it('reports a text that is not YAML, and an empty one', async () => {
    const { code, stdout } = await tollgate(['policy', 'check', '-'], { input: 'quotas: [' });
    expect(stdout).toMatch(/^stdin:1:\d+ .+\n\n1 \| quotas: \[\n {2}\| +\^\n$/);
    expect(code).toBe(1);
    const empty = await tollgate(['policy', 'check', '-'], { input: '' });
    expect(empty.stdout).toMatch(/^stdin:1:1 Expected a policy, got nothing\n/);
    expect(empty.code).toBe(1);
  });

  it.each([
    ['is not there', join(folder, 'none.yaml'), /none\.yaml cannot be read: ENOENT/],
    ['is a folder', folder, /cannot be read: EISDIR/],
    ['is not UTF-8', file('latin.yaml', Buffer.from([0xe9])), /latin\.yaml cannot be read: it is not UTF-8/],
  ])('ends with 2 and one line for a file that %s', async (_, path, message) => {
    const { code, stdout, stderr } = await tollgate(['policy', 'check', path]);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('shows a file name as text', async () => {
    const path = file('\u001b[31mred', GOOD);
    const { stdout } = await tollgate(['policy', 'check', path]);
    expect(stdout).toContain('\\u001b[31mred is a valid policy.');
  });

  it('lists only some of a thousand accounts', async () => {
    const accounts = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`a${at}`, {}]));
    const input = JSON.stringify({ quotas: 'unlimited', accounts });
    const { stdout } = await tollgate(['policy', 'check', '-'], { input });
    expect(stdout).toContain('  accounts      a0, a1, a2, a3, a4, a5, a6, a7 and 992 more\n');
    expect(stdout).toContain('  quotas        unlimited\n');
  });

  it('warns of each layer that removes a limit, and ends with 0', async () => {
    const text = GOOD.replace('    replace: true\n', '').replace(
      '    mode: observe',
      '    quotas: [{ limit: 9, windowMs: 1000 }]',
    );
    const drops = file('drops.yaml', text);
    const { code, stdout, stderr } = await tollgate(['policy', 'check', drops]);
    expect(stdout).toContain(`
Warnings:
${drops}:10:5 \`policy.plans.trial.quotas\` (9 in 1000 ms) replaces \`policy.quotas\` and so removes its limit of 100 in 60000 ms. Add the limit to the list, or \`replace: true\` to policy.plans.trial
${drops}:17:7 \`policy.accounts.ameyo5m.categories.legs\` (6000 in 60000 ms) replaces`);
    expect([code, stderr]).toEqual([0, '']);
    const { warnings } = JSON.parse((await tollgate(['policy', 'check', drops, '--json'])).stdout);
    expect(warnings).toMatchObject([
      { line: 10, column: 5, option: 'policy.plans.trial.quotas' },
      { line: 17, column: 7, option: 'policy.accounts.ameyo5m.categories.legs' },
    ]);
  });

  it('shows nothing of a file that is no policy', async () => {
    const secrets = [
      'PASSWORD=hunter2\n',
      'db:\n  hunter2: hunter2\n',
      '{ "key": "hunter2", }}',
      '*hunter2',
      'a: "\\hunter2"\n',
    ];
    for (const input of secrets) {
      for (const args of [
        ['policy', 'check', '-'],
        ['policy', 'check', '-', '--json'],
        ['policy', 'explain', '-', '--category', 'legs'],
      ]) {
        const { code, stdout, stderr } = await tollgate(args, { input });
        expect(code).toBe(1);
        expect(stdout + stderr).toContain('Expected a policy with options such as');
        expect(stdout + stderr).not.toContain('hunter');
      }
    }
  });

  it('escapes control and bidirectional characters in JSON, and programs read the same names', async () => {
    const name = '\u007f\u0085\u202e\u2066\u200b\u2028\ufeff\u{e0041}é😀';
    const input = JSON.stringify({ quotas: 'unlimited', plans: { [name]: {} } });
    const { stdout } = await tollgate(['policy', 'check', '-', '--json'], { input });
    expect(stdout).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(stdout).toContain('\\u007f\\u0085\\u202e\\u2066\\u200b\\u2028\\ufeff\\udb40\\udc41é😀');
    expect(JSON.parse(stdout).contents.plans).toEqual([name]);
  });
});

/** Every kind of party. */
const PARTIES = `quotas: [{ limit: 100, windowMs: 60000 }]
throttle: { afterViolations: 10, withinMs: 60000, forMs: 300000, factor: 0.5 }
each:
  key:
    quotas: [{ limit: 60, windowMs: 60000 }]
    blocked: { k7: true, k8: { until: '2030-12-31T18:00:00+05:30' }, k9: { until: '2020-12-31T18:00:00Z' } }
    throttle: false
  leg: { quotas: [{ limit: 5, windowMs: 1000 }], mode: observe }
service: { quotas: [{ limit: 2000, windowMs: 1000 }], mode: observe }
accounts:
  out: blocked
  free: unlimited
addresses:
  quotas: [{ limit: 20, windowMs: 60000 }]
  203.0.113.0/24: { blocked: { until: '2030-12-31T18:00:00Z' } }
  2001:db8::/32: { each: { leg: unlimited } }
`;

describe('a policy of subjects, addresses and the service', () => {
  it('is checked, with what it has of them', async () => {
    const { code, stdout } = await tollgate(['policy', 'check', '-'], { input: PARTIES });
    expect(stdout).toBe(`stdin is a valid policy.
  quotas        100/minute
  total         none
  service       2000/second
  plans         none
  regions       none
  environments  none
  accounts      out, free
  addresses     203.0.113.0/24, 2001:db8::/32
  categories    none
  subjects      key, leg
  throttles     policy
  observed      policy.each.leg, policy.service
  blocked       policy.each.key.blocked, policy.accounts.out, policy.addresses."203.0.113.0/24"
`);
    expect(code).toBe(0);
  });

  const explain = (...args: readonly string[]) =>
    tollgate(['policy', 'explain', '-', '--category', 'legs', ...args], { input: PARTIES });
  const rowsOf = (stdout: string) => stdout.split('\n').map((line) => line.split(/ {2,}/));

  it('is explained: each kind, the service, the blocked subject, and where each comes from', async () => {
    const { code, stdout } = await explain('--account', 'a', '--subject', 'key=k8', '--subject', 'leg=L=1');
    const throttle = 'after=10,within=1m,for=5m,factor=0.5';
    expect(rowsOf(stdout)).toEqual([
      ['category legs, account a, key=k8, leg="L=1"'],
      [''],
      ['', 'what applies', 'set by', 'where'],
      ['blocked', 'the key, until 2030-12-31T12:30:00.000Z', 'policy.each.key.blocked.k8', 'stdin:6:26'],
      ['quotas', '100/minute', 'policy.quotas', 'stdin:1:1'],
      ['throttle', throttle, 'policy.throttle', 'stdin:2:1'],
      ['total', 'unlimited', 'default'],
      ['mode', 'enforce', 'default'],
      ['each key', '60/minute', 'policy.each.key.quotas', 'stdin:5:5'],
      ['each leg', '5/second', 'policy.each.leg.quotas', 'stdin:8:10'],
      ['its throttle', throttle, 'policy.throttle', 'stdin:2:1'],
      ['its mode', 'observe', 'policy.each.leg.mode', 'stdin:8:50'],
      ['service', '2000/second', 'policy.service.quotas', 'stdin:9:12'],
      ['its mode', 'observe', 'policy.service.mode', 'stdin:9:55'],
      ['store failure', 'local'],
      ['counters', 'legs, *~key/k8, service, *~leg/L=1'],
      [''],
    ]);
    expect(code).toBe(0);
    // A block that has ended says nothing.
    expect((await explain('--subject', 'key=k9')).stdout).not.toContain('blocked');
  });

  it('is explained for a blocked account and for addresses', async () => {
    expect(rowsOf((await explain('--account', 'out')).stdout)[3]).toEqual([
      'blocked',
      'the account, without an end',
      'policy.accounts.out',
      'stdin:11:3',
    ]);
    const inRange = rowsOf((await explain('--address', '203.0.113.7')).stdout);
    const range = 'policy.addresses."203.0.113.0/24".blocked';
    expect(inRange[0]).toEqual(['category legs, address 203.0.113.7']);
    expect(inRange[3]).toEqual(['blocked', 'the address, until 2030-12-31T18:00:00.000Z', range, 'stdin:15:21']);
    expect(inRange[4]).toEqual(['quotas', '20/minute', 'policy.addresses.quotas', 'stdin:14:3']);
    const other = (await explain('--address', '2001:db8::1', '--subject', 'leg=L1')).stdout;
    expect(other).toMatch(/^each leg +unlimited +policy\.addresses\."2001:db8::\/32"\.each\.leg /m);
    const free = JSON.parse((await explain('--account', 'free', '--json')).stdout);
    expect(free).toMatchObject({ block: null, each: { leg: { quotas: { value: [], from: 'policy.accounts.free' } } } });
  });

  it('is explained as JSON', async () => {
    const { stdout } = await explain('--account', 'out', '--subject', 'key="a\\u0000\\u202e"', '--json');
    expect(stdout).not.toMatch(/(?!\n)[\p{C}]/u);
    expect(JSON.parse(stdout)).toMatchObject({
      asked: { account: 'out', subjects: { key: 'a\0\u202e' } },
      block: { value: { party: 'account' }, from: 'policy.accounts.out', position: { line: 11, column: 3 } },
      each: {
        key: { quotas: { value: [{ limit: 60 }], from: 'policy.each.key.quotas', position: { line: 5 } } },
        leg: { mode: { value: 'observe', from: 'policy.each.leg.mode' } },
      },
      service: { quotas: { value: [{ limit: 2000 }], from: 'policy.service.quotas' }, mode: { value: 'observe' } },
    });
  });

  it.each([
    [['--subject', 'kye=k7'], 'Expected `--subject` to be a subject of the policy, got "kye": did you mean key?'],
    [['--subject', 'key'], 'Expected --subject to be KIND=ID, such as leg=L1, got "key"'],
    [['--subject', 'key='], 'Expected --subject to be KIND=ID, such as leg=L1, got "key="'],
    [['--subject', '=k7'], 'Expected --subject to be KIND=ID, such as leg=L1, got "=k7"'],
    [['--subject', 'key=a', '--subject', 'key=b'], 'Expected one --subject of each kind, got "key" twice'],
    [
      ['--subject', '__proto__=a'],
      'Expected `--subject` to be a subject of the policy, got "__proto__": it has key, leg',
    ],
    [
      ['--account', 'a', '--address', '203.0.113.7'],
      'Expected one of --account and --address: a client with an account is limited by that',
    ],
  ])('%j ends with 2: %s', async (args, message) => {
    const { code, stdout, stderr } = await explain(...args);
    expect([stderr, stdout, code]).toEqual([`tollgate: ${message}\n`, '', 2]);
  });

  it('without kinds of subjects refuses a subject, which would have no effect', async () => {
    const { code, stderr } = await tollgate(['policy', 'explain', good, '--category', 'legs', '--subject', 'key=k7']);
    expect(stderr).toBe('tollgate: Expected a policy with limits of subjects for --subject key, got one without\n');
    expect(code).toBe(2);
  });
});

describe('tollgate policy explain', () => {
  it('shows what applies, which part sets it, and its position', async () => {
    const args = ['policy', 'explain', good, '--category', 'legs', '--account', 'ameyo5m', '--plan', 'trial'];
    const { code, stdout } = await tollgate(args);
    const throttle = 'after=10,within=1m,for=5m,factor=0.5';
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['category legs, account ameyo5m, plan trial'],
      [''],
      ['', 'what applies', 'set by', 'where'],
      ['quotas', '6000/minute', 'policy.accounts.ameyo5m.categories.legs', `${good}:17:7`],
      ['throttle', throttle, 'policy.throttle', `${good}:3:1`],
      ['total', '300/minute', 'policy.total', `${good}:2:1`],
      ['its throttle', throttle, 'policy.throttle', `${good}:3:1`],
      ['mode', 'observe', 'policy.plans.trial.mode', `${good}:10:5`],
      ['store failure', 'local, 0.25 of each limit'],
      ['counters', 'legs, *'],
      [''],
    ]);
    expect(code).toBe(0);
  });

  it('prints the explanation as JSON, with the separate counter of an environment', async () => {
    const args = ['policy', 'explain', good, '--category', 'actions', '--environment', 'sandbox', '--json'];
    const { code, stdout } = await tollgate(args);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      asked: { category: 'actions', environment: 'sandbox' },
      held: null,
      quotas: {
        value: [{ limit: 8, windowMs: 5000 }],
        from: 'policy.environments.sandbox.categories.actions',
        position: { line: 13, column: 65 },
      },
      mode: { value: 'enforce', from: null, position: null },
      onStoreFailure: 'local',
      localShare: 0.25,
      counters: ['sandbox/actions', '*'],
    });
  });

  it.each([
    ['--category', 'leg', 'a category of the policy, got "leg": did you mean legs?'],
    ['--plan', 'Enterprise', 'a plan of the policy, got "Enterprise": did you mean enterprise?'],
    ['--plan', '__proto__', 'a plan of the policy, got "__proto__": it has enterprise, trial'],
    ['--environment', 'sandbocks', 'an environment of the policy, got "sandbocks": did you mean sandbox?'],
  ])('ends with 2 for a name that the policy does not have: %s %s', async (option, name, message) => {
    const category = option === '--category' ? [] : ['--category', 'legs'];
    const { code, stdout, stderr } = await tollgate(['policy', 'explain', good, ...category, option, name]);
    expect(stderr).toBe(`tollgate: Expected \`${option}\` to be ${message}\n`);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('accepts any name of a kind that the policy does not name', async () => {
    const args = ['policy', 'explain', good, '--category', 'legs', '--region', 'anywhere'];
    expect(await tollgate(args)).toMatchObject({ code: 0, stderr: '' });
  });

  it('shows what is unlimited or off', async () => {
    const args = ['policy', 'explain', good, '--category', 'legs', '--environment', 'sandbox'];
    const { stdout } = await tollgate(args);
    expect(stdout).toMatch(/^quotas +unlimited +policy\.environments\.sandbox\.categories\.legs\.quotas /m);
    expect(stdout).toMatch(/^throttle +off +policy\.environments\.sandbox\.categories\.legs\.throttle /m);
    expect(stdout).toMatch(/^counters +\*$/m);
  });

  it('lists the problems of an invalid policy, and ends with 1', async () => {
    const { code, stdout, stderr } = await tollgate(['policy', 'explain', '-', '--category', 'legs'], {
      input: 'quotas: 5\nmode: off\n',
    });
    expect(stderr).toMatch(
      /^tollgate: stdin:1:1 Expected `policy\.quotas` .*\ntollgate: stdin:2:1 Expected `policy\.mode` .*\n$/,
    );
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });
});
