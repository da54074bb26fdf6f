import { type Charge, MemoryStore, perMinute, RateLimiter } from '@tollgate/core';
import { RedisLimits } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { RunningServer } from '../../redis-servers/standalone.js';
import { type Ended, tollgate } from '../tollgate.js';

// Each command is a process, and a test has several.
vi.setConfig({ testTimeout: 120_000 });

let server: RunningServer;
beforeAll(async () => {
  server = await RunningServer.start();
});
afterAll(() => server?.stop());

function limitsUnder(prefix: string) {
  return (...args: readonly string[]): Promise<Ended> =>
    tollgate(['limits', ...args, '--by', 'alice', '--prefix', prefix], { env: { REDIS_URL: server.url } });
}

const POLICY = {
  quotas: [perMinute(100)],
  each: { key: [perMinute(60)] },
  accounts: { out: 'blocked' },
} as const;

/** The decision of a service that follows the limits. */
async function decide(prefix: string, charge: Charge) {
  const limits = new RedisLimits({ url: server.url, prefix });
  await limits.ready();
  const limiter = new RateLimiter({ policy: POLICY, store: new MemoryStore(), accounts: limits });
  const { reason, block, quotas } = await limiter.consume(charge);
  await limiter.close();
  await limits.close();
  return { reason, block, limits: quotas.map(({ limit }) => limit) };
}

describe('tollgate limits set', () => {
  it('--blocked blocks an account with or without an end, and --no-blocked lifts a block of the policy', async () => {
    const limits = limitsUnder('blocks');
    const acme = { account: 'acme', category: 'legs' };
    const set = await limits('set', 'acme', '--blocked', '--until', '2030-12-31T18:00:00+05:30');
    expect(set.stdout).toMatch(
      /^Set limits of acme, which had none:\n {2}blocked {2}until 2030-12-31T12:30:00\.000Z\n {2}version 1, /,
    );
    expect(await decide('blocks', acme)).toMatchObject({
      reason: 'blocked',
      block: { party: 'account', until: Date.parse('2030-12-31T12:30:00Z'), from: 'limits.acme.blocked' },
    });
    const forever = await limits('set', 'acme', '--blocked', '--quotas', '5/minute');
    expect(forever.stdout).toMatch(/Now:\n {2}blocked {2}without an end\n {2}quotas {3}5\/minute\n/);
    expect((await decide('blocks', acme)).block).toEqual({ party: 'account', from: 'limits.acme.blocked' });
    expect((await decide('blocks', { ...acme, account: 'out' })).reason).toBe('blocked');
    const lifted = await limits('set', 'out', '--no-blocked');
    expect(lifted.stdout).toMatch(/\n {2}blocked {2}no\n/);
    expect(await decide('blocks', { ...acme, account: 'out' })).toMatchObject({ reason: 'admitted', limits: [100] });

    const { stdout } = await tollgate(['limits', 'get', 'acme', '--prefix', 'blocks', '--redis', server.url]);
    expect(stdout).toMatch(/^acme\n {2}blocked {2}without an end\n/);
    const history = await tollgate(['limits', 'history', '--prefix', 'blocks', '--redis', server.url]);
    expect(
      history.stdout
        .split('\n')
        .slice(1, 4)
        .map((line) => line.split(/ {2,}/).slice(-2)),
    ).toEqual([
      ['out', 'blocked no'],
      ['acme', 'blocked without an end; quotas 5/minute'],
      ['acme', 'blocked until 2030-12-31T12:30:00.000Z'],
    ]);
    const list = await tollgate(['limits', 'list', '--prefix', 'blocks', '--redis', server.url, '--json']);
    expect(JSON.parse(list.stdout).limits).toMatchObject([{ layer: { blocked: true } }, { layer: { blocked: false } }]);
  });

  it('--each sets limits of subjects, and --from also blocks them', async () => {
    const limits = limitsUnder('each');
    const charge = { account: 'acme', category: 'legs', subjects: { key: 'k7' } };
    const set = await limits('set', 'acme', '--each', 'key=7/minute');
    expect(set.stdout).toContain('\n  each key  7/minute\n');
    expect(await decide('each', charge)).toMatchObject({ reason: 'admitted', limits: [100, 7] });
    const input = `each:
  key:
    quotas: [{ limit: 7, windowMs: 60000 }]
    mode: observe
    blocked: { k7: true, k8: { until: '2030-12-31T18:00:00Z' }, "\\e[2J": true }
`;
    const args = ['limits', 'set', 'acme', '--from', '-', '--prefix', 'each', '--redis', server.url];
    const from = await tollgate(args, { input });
    expect(from.stdout).toContain(
      '\n  each key  7/minute; mode observe; blocked k7 without an end, k8 until 2030-12-31T18:00:00.000Z, "\\u001b[2J" without an end\n',
    );
    expect(await decide('each', charge)).toMatchObject({
      reason: 'blocked',
      block: { party: 'subject', subject: 'key' },
    });
    expect((await decide('each', { ...charge, subjects: { key: 'k9' } })).reason).toBe('admitted');
    const over = await tollgate(args, { input: "blocked: { until: '2020-12-31T18:00:00Z' }" });
    expect(over.stdout).toContain('\n  blocked  until 2020-12-31T18:00:00.000Z (over)\n');
    expect((await decide('each', charge)).reason).toBe('admitted');
    const ids = Array.from({ length: 1000 }, (_, id) => `k${id}`);
    const many = await tollgate(args, { input: JSON.stringify({ each: { key: { blocked: ids } } }) });
    expect(many.stdout).toContain('k7 without an end and 992 more\n');
  });

  it.each([
    [
      ['--blocked', '--until', '2020-01-01T00:00:00Z'],
      'Expected --until to be in the future, got 2020-01-01T00:00:00Z',
    ],
    [['--until', '2030-01-01T00:00:00Z'], 'Expected --until together with --blocked'],
    [['--no-blocked', '--until', '2030-01-01T00:00:00Z'], 'Expected --until together with --blocked'],
    [
      ['--blocked', '--until', 'tomorrow'],
      'Expected `limits.blocked.until` to be an integer of milliseconds since the epoch from 100000000000 to 8640000000000000, or ISO 8601 with a zone, got "tomorrow"',
    ],
    [['--each', 'key'], 'Expected --each to be NAME=LIST, such as key=6000/minute, got "key"'],
    [['--each', 'key=1/s', '--each', 'key=2/s'], 'Expected each --each once, got "key" twice'],
  ])('%j ends with 2: %s', async (args, message) => {
    const { code, stdout, stderr } = await limitsUnder('wrong')('set', 'acme', ...args);
    expect([stderr, stdout, code]).toEqual([`tollgate: ${message}\n`, '', 2]);
  });

  it('with --policy refuses a kind of subject that the policy does not have', async () => {
    const run = (policy: object) =>
      tollgate(['limits', 'set', 'acme', '--each', 'kye=7/minute', '--policy', '-', '--redis', server.url], {
        input: JSON.stringify(policy),
      });
    const misspelt = await run(POLICY);
    expect(misspelt.stderr).toBe(
      'tollgate: Expected `--each` to be a subject of the policy, got "kye": did you mean key?\n',
    );
    const none = await run({ quotas: 'unlimited' });
    expect(none.stderr).toBe('tollgate: Expected a policy with limits of subjects for --each kye, got one without\n');
    expect([misspelt.code, none.code]).toEqual([2, 2]);
  });
});
