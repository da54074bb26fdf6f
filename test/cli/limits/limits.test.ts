import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisLimits } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ask } from '../../redis-servers/ask.js';
import { RunningServer } from '../../redis-servers/standalone.js';
import { type Ended, tollgate } from '../tollgate.js';

// Each command is a process, and a test has several.
vi.setConfig({ testTimeout: 120_000 });

let server: RunningServer;
beforeAll(async () => {
  server = await RunningServer.start();
});
afterAll(() => server?.stop());

/** `tollgate limits …` on the server, with a separate prefix for the test. */
function limitsUnder(prefix: string): (...args: readonly string[]) => Promise<Ended> {
  return (...args) => tollgate(['limits', ...args, '--prefix', prefix], { env: { REDIS_URL: server.url } });
}

describe('tollgate limits', () => {
  it('refuses a category that the policy does not have, before it connects', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-limits-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const policy = join(folder, 'policy.yaml');
    writeFileSync(policy, 'quotas: unlimited\nknown: { categories: [legs, actions] }\n');
    const layer = join(folder, 'layer.yaml');
    writeFileSync(layer, 'categories: { Actions: unlimited }\n');
    const nowhere = ['--policy', policy, '--redis', 'redis://127.0.0.1:1'];
    const typed = await tollgate(['limits', 'set', 'ameyo5m', '--category', 'leg=6000/minute', ...nowhere]);
    expect(typed.stderr).toBe(
      'tollgate: Expected `--category` to be a category of the policy, got "leg": did you mean legs?\n',
    );
    const read = await tollgate(['limits', 'set', 'ameyo5m', '--from', layer, ...nowhere]);
    expect(read.stderr).toMatch(/got "Actions": did you mean actions\?\n$/);
    expect([typed.code, read.code]).toEqual([2, 2]);

    const limits = limitsUnder('names');
    const set = await limits('set', 'ameyo5m', '--category', 'legs=6000/minute', '--policy', policy);
    expect([set.code, set.stderr]).toEqual([0, '']);
    const both = await limits('set', 'ameyo5m', '--from', '-', '--policy', '-');
    expect([both.code, both.stderr]).toEqual([2, 'tollgate: Expected one of --from and --policy to be -, got both\n']);
  });

  it('notes a category that may be misspelt, without a policy', async () => {
    const limits = limitsUnder('notes');
    const likely = await limits('set', 'ameyo5m', '--category', 'leg=6000/minute');
    expect(likely.stderr).toBe('tollgate: The Legs API has no category leg. Did you mean legs? --policy checks it.\n');
    const own = await limits('set', 'ameyo5m', '--category', 'recordings=6000/minute');
    expect([likely.code, own.code, own.stderr]).toEqual([0, 0, '']);
  });

  it('sets, replaces, shows and deletes the limits of an account, and records who did it', async () => {
    const limits = limitsUnder('story');
    const set = await limits('set', 'ameyo5m', '--category', 'legs=6000/minute,100/second', '--by', 'alice');
    expect(set.stdout).toMatch(
      /^Set limits of ameyo5m, which had none:\n {2}category legs {2}6000\/minute,100\/second\n {2}version 1, set at \S+Z by alice\n$/,
    );
    expect(set.code).toBe(0);

    const options = [
      '--quotas',
      '1000/m',
      '--total',
      'unlimited',
      '--throttle',
      'off',
      '--mode',
      'observe',
      '--by',
      'bob',
    ];
    const replaced = await limits('set', 'ameyo5m', ...options, '--json');
    const layer = { quotas: [{ limit: 1000, windowMs: 60_000 }], total: 'unlimited', throttle: false, mode: 'observe' };
    expect(JSON.parse(replaced.stdout)).toEqual({
      account: 'ameyo5m',
      before: expect.objectContaining({
        version: 1,
        layer: {
          categories: {
            legs: [
              { limit: 6000, windowMs: 60_000 },
              { limit: 100, windowMs: 1000 },
            ],
          },
        },
      }),
      after: { account: 'ameyo5m', layer, version: 2, by: 'bob', at: expect.any(Number) },
    });

    const got = await limits('get', 'ameyo5m');
    expect(got.stdout).toMatch(
      /^ameyo5m\n {2}quotas {4}1000\/minute\n {2}total {5}unlimited\n {2}throttle {2}off\n {2}mode {6}observe\n {2}version 2, set at \S+ by bob\n$/,
    );
    const deleted = await limits('delete', 'ameyo5m', '--by', 'carol');
    expect(deleted.stdout).toMatch(/^Deleted the limits of ameyo5m; .*\n {2}quotas {4}1000\/minute\n/);
    expect(deleted.code).toBe(0);

    const history = await limits('history', 'ameyo5m', '--json');
    expect(JSON.parse(history.stdout)).toMatchObject([
      { version: 3, change: 'deleted', by: 'carol' },
      { version: 2, change: 'set', by: 'bob', layer },
      { version: 1, change: 'set', by: 'alice' },
    ]);
    const last = await limits('history', '--last', '1');
    expect(last.stdout.split('\n').map((line) => line.split(/ {2,}/)[3])).toEqual(['change', 'deleted', undefined]);
    expect([got.code, history.code, last.code]).toEqual([0, 0, 0]);
  });

  it('ends with 1 when there are no limits to show or to delete', async () => {
    const limits = limitsUnder('nothing');
    for (const command of ['get', 'delete']) {
      const { code, stdout, stderr } = await limits(command, 'ameyo5m');
      expect([code, stdout, stderr]).toEqual([1, '', 'tollgate: Redis has no limits of ameyo5m\n']);
    }
    expect((await limits('list')).stdout).toBe('Redis has no limits of single accounts.\n');
    expect((await limits('history', 'ameyo5m')).code).toBe(0);
  });

  it('sets limits only at the expected version', async () => {
    const limits = limitsUnder('versions');
    expect((await limits('set', 'a', '--quotas', '1/s', '--if-version', '7')).stderr).toBe(
      'tollgate: Limits of a are not stored, and the change was for version 7\n',
    );
    expect((await limits('set', 'a', '--quotas', '1/s', '--if-version', '0')).code).toBe(0);
    const late = await limits('set', 'a', '--quotas', '2/s', '--if-version', '0');
    expect(late.stderr).toBe('tollgate: Limits of a are at version 1, and the change was for version 0\n');
    expect(late.code).toBe(1);
    const right = await limits('set', 'a', '--quotas', '3/s', '--if-version', '1');
    expect(right.stdout).toContain('  quotas  3/second\n');
  });

  it('shows exactly the replaced limits when several commands set limits at once', async () => {
    const limits = limitsUnder('crowd');
    const ended = await Promise.all(
      [1, 2, 3, 4].map((limit) => limits('set', 'a', '--quotas', `${limit}/s`, '--json')),
    );
    const changes = ended
      .map(({ stdout }) => JSON.parse(stdout))
      .sort((one, other) => one.after.version - other.after.version);
    expect(changes.map(({ after }) => after.version)).toEqual([1, 2, 3, 4]);
    expect(changes.map(({ before }) => before)).toEqual([null, ...changes.slice(0, 3).map(({ after }) => after)]);
  });

  it('reads limits from a file or from stdin, and reports all their problems', async () => {
    const args = ['limits', 'set', 'a', '--prefix', 'files', '--redis', server.url, '--from', '-'];
    const input =
      'categories:\n  legs: { quotas: [{ limit: 5, windowMs: 5000, name: burst, slices: 5 }], mode: observe }\n';
    const good = await tollgate(args, { input });
    expect(good.stdout).toContain('  category legs  5/5s (named burst, 5 slices); mode observe\n');
    const bad = await tollgate(args, { input: 'quotas: []\ncategories:\n  legs: 7\n' });
    expect(bad.stderr).toBe(
      "tollgate: stdin:1:1 Expected `layer.quotas` to be an array of 1 to 8 quotas or 'unlimited', got an array of 0\n" +
        "tollgate: stdin:3:3 Expected `layer.categories.legs` to be an array of 1 to 8 quotas or 'unlimited', got 7\n",
    );
    expect(bad.code).toBe(1);
  });

  it.each([
    [['a'], 'Expected at least one of --quotas, --category, --total, --each, --throttle, --mode, --blocked and --from'],
    [
      ['a', '--quotas', 'many'],
      'Expected --quotas to be quotas such as 6000/minute,100/second, or unlimited, got "many"',
    ],
    [['a', '--category', '5/s'], 'Expected --category to be NAME=LIST, such as legs=6000/minute, got "5/s"'],
    [['a', '--category', 'x=1/s', '--category', 'x=2/s'], 'Expected each --category once, got "x" twice'],
    [['a', '--quotas', '1/s', '--from', 'x'], "option '--from <file>' cannot be used with option '--quotas <list>'"],
    [['a', '--mode', 'off'], "option '--mode <mode>' argument 'off' is invalid. Allowed choices are enforce, observe."],
    [
      ['a', '--quotas', '1/50ms'],
      'Expected `limits.quotas[0].windowMs` to be an integer from 100 to 2678400000, got 50',
    ],
    [['', '--quotas', '1/s'], 'Expected `account` to be a string of at least one character, got ""'],
    [['a', '--quotas', '1/s', '--if-version', 'x'], 'Expected --if-version to be a whole number from 0 on'],
    [[], "missing required argument 'account'"],
  ])('set %j ends with 2: %s', async (args, message) => {
    const { code, stdout, stderr } = await limitsUnder('usage')('set', ...args);
    expect([code, stdout, stderr]).toEqual([2, '', `tollgate: ${message}\n`]);
  });

  it('shows hostile names as text, and reads them in the form that it shows', async () => {
    const limits = limitsUnder('hostile');
    const names = ['__proto__', '}{', '\u001b[2J\u202e', '--json', '"', 'a\nb\0', 'x'.repeat(1024), '\u{1f600}\ud800'];
    const services = new RedisLimits({ url: server.url, prefix: 'hostile' });
    for (const [limit, name] of names.entries()) {
      await services.set(name, { categories: { [`${name}=`]: [{ limit, windowMs: 1000 }] } });
    }
    await services.close();

    const listed = await limits('list', '--json');
    const stored: { account: string; layer: { categories: object } }[] = JSON.parse(listed.stdout).limits;
    expect(stored.map(({ account, layer }) => [account, Object.keys(layer.categories)])).toEqual(
      names.toSorted().map((name) => [name, [`${name}=`]]),
    );
    const shown = (await limits('list')).stdout.split('\n');
    expect(shown).toHaveLength(names.length + 2);
    expect(shown.join('')).not.toMatch(/\p{C}/u);

    // A NUL cannot be typed in another way, and --json is an option.
    expect((await limits('set', '"a\\u000ab\\u0000"', '--category', '--json=2/s')).stdout).toMatch(
      /^Replaced the limits of "a\\nb\\u0000"\. .*\n {2}category "--json" {2}2\/second\n/s,
    );
    expect((await limits('delete', '"--json"')).code).toBe(0);
    expect((await limits('get', '"\\u001b[2J\\u202e\\ud800"')).stderr).toBe(
      'tollgate: Redis has no limits of "\\u001b[2J\\u202e\\ud800"\n',
    );
  });

  it('shows foreign data on Redis as text, and replaces it', async () => {
    const limits = limitsUnder('foreign');
    await limits('set', 'good', '--quotas', '1/s');
    const key = 'foreign:limits:{v1}';
    const odd = { version: 1, at: 8.7e15, by: '\u001b[31m', account: 'odd', layer: { quotas: '\u001b[2J' } };
    await ask(server.port, 'HSET', key, 'odd', JSON.stringify(odd), 'torn', '{"version":1,');
    const list = await limits('list');
    const row = ['odd', 'invalid {"quotas":"\\u001b[2J"}', '1', '8700000000000000 ms', '\\u001b[31m'];
    expect(list.stdout.split('\n').map((line) => line.split(/ {2,}/))).toContainEqual(row);
    expect(list.stderr).toMatch(/^Problem with the limits on Redis: .*(torn|odd)/);
    expect(list.code).toBe(0);
    expect((await limits('get', 'torn')).code).toBe(3);
    const replaced = await limits('set', 'torn', '--quotas', '2/s');
    expect(replaced.stdout).toMatch(/^Replaced the limits of torn\. Before:\n {2}limits that cannot be read\nNow:\n/);
    await ask(server.port, 'HSET', key, 'torn', '{"version":1,');
    expect((await limits('delete', 'torn')).code).toBe(0);
  });

  it('suspends limiting, warns of it in every command, and resumes it', async () => {
    const limits = limitsUnder('suspended');
    expect((await limits('suspend')).stderr).toBe("tollgate: required option '--reason <text>' not specified\n");
    const reason = 'refuses good traffic\u001b[2J';
    const suspended = await limits('suspend', '--reason', reason, '--by', 'alice');
    expect(suspended.code).toBe(0);
    const warning =
      /^LIMITING IS SUSPENDED, everyone is let through\. Suspended at \S+Z by alice: refuses good traffic\\u001b\[2J\n$/;
    const redis = ['--redis', server.url, '--prefix', 'suspended'];
    const others = await Promise.all([
      limits('list', '--json'),
      limits('set', 'a', '--quotas', '1/s'),
      limits('history'),
      tollgate(['peek', 'a', '--category', 'legs', ...redis]),
      tollgate(['policy', 'explain', '-', '--account', 'a', '--category', 'legs', ...redis], {
        input: 'quotas: unlimited',
      }),
    ]);
    for (const { stderr, code } of [suspended, ...others]) {
      expect(stderr).toMatch(warning);
      expect(code).toBe(0);
    }
    expect(JSON.parse(others[0].stdout).suspension).toEqual({ by: 'alice', reason, since: expect.any(Number) });
    const none = await limits('get', 'none');
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/^LIMITING IS SUSPENDED.*\ntollgate: Redis has no limits of none\n$/);
    expect(others[3].stdout).toBe('a legs: allowed, since limiting is suspended\n');

    const resumed = await limits('resume', '--by', 'bob');
    expect([resumed.code, resumed.stdout, resumed.stderr]).toEqual([0, 'Limiting again.\n', '']);
    const again = await limits('resume');
    expect([again.code, again.stdout, again.stderr]).toEqual([0, 'Limiting was not suspended.\n', '']);
    expect((await limits('history')).stdout).toMatch(/ {2}bob +resumed\n.* {2}alice +suspended +refuses good/s);
  });

  it('win over the policy, and explain shows them', async () => {
    await limitsUnder('explained')('set', 'ameyo5m', '--category', 'legs=7/s');
    const args = ['policy', 'explain', '-', '--account', 'ameyo5m', '--category', 'legs'];
    const redis = ['--redis', server.url, '--prefix', 'explained'];
    const input =
      'quotas: unlimited\naccounts:\n  ameyo5m: { quotas: [{ limit: 1, windowMs: 1000 }], mode: observe }\n';
    const { code, stdout } = await tollgate([...args, ...redis], { input });
    expect(stdout).toMatch(/^quotas +7\/second +limits\.ameyo5m\.categories\.legs +Redis, version 1$/m);
    expect(stdout).toMatch(/^mode +observe +policy\.accounts\.ameyo5m\.mode +stdin:3:54$/m);
    expect(code).toBe(0);
    const without = await tollgate(args, { input, env: { REDIS_URL: server.url } });
    expect(without.stdout).toMatch(/^quotas +1\/second +policy\.accounts\.ameyo5m\.quotas +stdin:3:14$/m);
  });
});
