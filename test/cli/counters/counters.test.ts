import { perMinute, RateLimiter } from '@tollgate/core';
import { RedisLimits, RedisStore } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ask } from '../../redis-servers/ask.js';
import { RunningServer } from '../../redis-servers/standalone.js';
import { type Ended, tollgate } from '../tollgate.js';

// Each command is a process, and a test has several.
vi.setConfig({ testTimeout: 120_000 });

const THROTTLE = { afterViolations: 2, withinMs: 60_000, forMs: 300_000, factor: 0.5 };
const POLICY = {
  quotas: [perMinute(100)],
  total: [perMinute(150)],
  environments: { sandbox: { categories: { legs: [perMinute(4)] } } },
  known: { categories: ['legs', 'actions'] },
  plans: { small: { quotas: [perMinute(4)], throttle: THROTTLE }, trial: { quotas: [perMinute(1)], mode: 'observe' } },
} as const;

let server: RunningServer;
beforeAll(async () => {
  server = await RunningServer.start();
});
afterAll(() => server?.stop());

/** Charges as a service would. */
async function charge(
  account: string,
  times: number,
  scope: { category?: string; plan?: string; environment?: string } = {},
  name = 'default',
): Promise<void> {
  const store = new RedisStore({ url: server.url, timeoutMs: 5000, denyCacheSize: 0 });
  const limiter = new RateLimiter({ name, policy: POLICY, store });
  for (let time = 0; time < times; time++) {
    const { source } = await limiter.consume({ account, category: 'legs', ...scope });
    expect(source).toBe('store');
  }
  await limiter.close();
  await store.close();
}

/** Runs a command with the policy of the services on stdin. */
function command(...args: readonly string[]): Promise<Ended> {
  return tollgate([...args, '--redis', server.url, '--policy', '-'], { input: JSON.stringify(POLICY) });
}

async function peek(account: string, ...args: readonly string[]) {
  const { code, stdout } = await command('peek', account, '--category', 'legs', '--json', ...args);
  return { code, ...JSON.parse(stdout) };
}

it.each(['peek', 'reset', 'pardon'])('tollgate %s refuses a name that the policy does not have', async (name) => {
  const { code, stdout, stderr } = await command(name, 'ameyo5m', '--category', 'leg');
  expect(stderr).toBe(
    'tollgate: Expected `--category` to be a category of the policy, got "leg": did you mean legs?\n',
  );
  expect([code, stdout]).toEqual([2, '']);
});

describe('tollgate peek', () => {
  it('shows the counters of an account, and charges nothing', async () => {
    await charge('peeked', 30);
    await charge('peeked', 2, { category: 'actions' });
    const { code, stdout, stderr } = await command('peek', 'peeked', '--category', 'legs');
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/).slice(0, 5))).toEqual([
      ['peeked legs: allowed'],
      [''],
      ['quota', 'scope', 'used', 'limit', 'left'],
      ['per-minute', 'category', '30', '100', '70'],
      ['total-per-minute', 'total', '32', '150', '118'],
      [''],
    ]);
    expect([code, stderr]).toEqual([0, '']);
    expect((await peek('peeked')).quotas[0].used).toBe(30);
  });

  it('and reset have the counters of the limiter that --limiter names', async () => {
    await charge('named', 3);
    await charge('named', 5, {}, 'login');
    const used = async (...args: readonly string[]) => (await peek('named', ...args)).quotas[0].used;
    expect([await used(), await used('--limiter', 'login'), await used('--limiter', 'other')]).toEqual([3, 5, 0]);
    const reset = await command('reset', 'named', '--all', '--limiter', 'login');
    expect(reset).toMatchObject({ code: 0, stdout: 'Forgot all counters of named in the limiter login.\n' });
    expect([await used(), await used('--limiter', 'login')]).toEqual([3, 0]);
    const wrong = await command('peek', 'named', '--category', 'legs', '--limiter', 'a/b');
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('Expected `name` to be 1 to 64 characters');
  });

  it('ends with 1 when a request would be refused, and shows when it would be admitted', async () => {
    await charge('full', 4, { plan: 'small' });
    const { code, stdout } = await command('peek', 'full', '--category', 'legs', '--plan', 'small');
    expect(stdout).toMatch(/^full legs: refused \(limit-reached\), admitted in \d+(\.\d)? s\n/);
    expect(code).toBe(1);
    expect(await peek('full', '--plan', 'small')).toMatchObject({ code: 1, allowed: false, reason: 'limit-reached' });
    const never = await command('peek', 'full', '--category', 'legs', '--cost', '101');
    expect(never.stdout).toMatch(/^full legs: refused \(cost-above-limit\), never admitted at this cost\n/);
    expect(never.code).toBe(1);
    expect(await peek('full', '--plan', 'small', '--cost', '0')).toMatchObject({ code: 0, allowed: true, cost: 0 });
  });

  it('ends with 0 when limits are only observed, and shows what they would do', async () => {
    await charge('tried', 2, { plan: 'trial' });
    const { code, stdout } = await command('peek', 'tried', '--category', 'legs', '--plan', 'trial');
    expect(stdout).toMatch(
      /^tried legs: allowed, since its limits are only observed; if enforced: refused \(limit-reached\), admitted in /,
    );
    expect(code).toBe(0);
  });

  it('ends with 3 when Redis fails, where a service would decide without it', async () => {
    await ask(server.port, 'SET', 'tollgate:v1:{spoilt}:legs', 'something else');
    for (const onStoreFailure of ['local', 'allow', 'deny']) {
      const { code, stdout, stderr } = await tollgate(
        ['peek', 'spoilt', '--category', 'legs', '--redis', server.url, '--policy', '-'],
        { input: JSON.stringify({ ...POLICY, onStoreFailure }) },
      );
      expect(stderr).toMatch(/^tollgate: Redis at \S+ failed: .* holds something that is not of this version\n$/);
      expect([code, stdout]).toEqual([3, '']);
    }
    expect((await command('reset', 'spoilt', '--category', 'legs')).code).toBe(0);
    expect(await peek('spoilt')).toMatchObject({ code: 0, source: 'store' });
    await ask(server.port, 'SET', 'tollgate:v1:{unreadable}', 'something else');
    expect((await command('reset', 'unreadable', '--all')).code).toBe(0);
    expect(await ask(server.port, 'EXISTS', 'tollgate:v1:{unreadable}')).toBe(0);
  });

  it('uses the default policy, and the limits on Redis before it', async () => {
    const args = ['peek', 'provisioned', '--category', 'legs', '--redis', server.url, '--json'];
    expect(JSON.parse((await tollgate(args)).stdout).quotas).toMatchObject([{ limit: 100, windowMs: 60_000 }]);
    const limits = new RedisLimits({ url: server.url });
    await limits.set('provisioned', { categories: { legs: 'unlimited' } });
    await limits.close();
    expect(JSON.parse((await tollgate(args)).stdout).quotas).toEqual([]);
    const { stdout } = await command('peek', 'provisioned', '--category', 'legs');
    expect(stdout).toMatch(
      /^provisioned legs: allowed\n\nquota .*\ntotal-per-minute|^provisioned legs: allowed\n\nquota .*\nper-minute +total /,
    );
  });

  it.each([
    [['a'], "required option '--category <name>' not specified"],
    [['a', '--category', 'x', '--cost', '-1'], 'Expected --cost to be a whole number, got "-1"'],
    [
      ['a', '--category', 'legs', '--cost', '9999999999'],
      'Expected `cost` to be an integer from 0 to 2147483647, got 9999999999',
    ],
    [['a', '--category', ''], 'Expected `--category` to be a category of the policy, got "": it has legs, actions'],
  ])('%j ends with 2: %s', async (args, message) => {
    const { code, stderr } = await command('peek', ...args);
    expect([code, stderr]).toEqual([2, `tollgate: ${message}\n`]);
  });
});

describe('tollgate reset', () => {
  it('clears one counter, that of an environment, or all', async () => {
    await charge('reset', 3);
    await charge('reset', 3, { category: 'actions' });
    await charge('reset', 4, { environment: 'sandbox' });
    const sandbox = ['--environment', 'sandbox'];
    expect(await peek('reset', ...sandbox)).toMatchObject({ allowed: false });
    const own = await command('reset', 'reset', '--category', 'legs', ...sandbox);
    expect([own.code, own.stdout]).toEqual([0, 'Forgot the counter for legs of reset.\n']);
    expect((await peek('reset', ...sandbox)).quotas[0].used).toBe(0);
    expect((await peek('reset')).quotas.map(({ used }: { used: number }) => used)).toEqual([3, 10]);

    const all = await command('reset', 'reset', '--all', '--json');
    expect(JSON.parse(all.stdout)).toEqual({ account: 'reset', done: 'reset' });
    expect((await peek('reset')).quotas.map(({ used }: { used: number }) => used)).toEqual([0, 0]);
  });

  it.each([[[]], [['--all', '--category', 'legs']]])('with %j ends with 2, and clears nothing', async (args) => {
    const { code, stderr } = await command('reset', 'spared', ...args);
    expect(stderr).toBe(
      'tollgate: Expected either --category or --subject, or --all for everything that the account has used\n',
    );
    expect(code).toBe(2);
  });
});

describe('tollgate pardon', () => {
  it('ends a throttling, and keeps the used cost', async () => {
    await charge('throttled', 6, { plan: 'small' });
    const throttled = await command('peek', 'throttled', '--category', 'legs', '--plan', 'small');
    expect(throttled.stdout).toMatch(
      /\nthrottled: the limits of legs are multiplied by 0\.5 for another (4 min( \d+ s)?|5 min)\n/,
    );
    const { code, stdout } = await command('pardon', 'throttled', '--category', 'legs');
    expect([code, stdout]).toEqual([0, 'Pardoned the counter for legs of throttled.\n']);
    const after = await peek('throttled', '--plan', 'small');
    expect(after).not.toHaveProperty('throttled');
    expect(after.quotas[0]).toMatchObject({ used: 4, limit: 4 });
    const all = await command('pardon', 'throttled');
    expect([all.code, all.stdout]).toEqual([0, 'Pardoned all counters of throttled.\n']);
  });

  it('of an environment requires a category', async () => {
    const { code, stderr } = await command('pardon', 'a', '--environment', 'sandbox');
    expect([code, stderr]).toEqual([2, 'tollgate: Expected --environment together with --category or --subject\n']);
  });
});
