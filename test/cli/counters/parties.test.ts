import { type Charge, perMinute, RateLimiter } from '@tollgate/core';
import { RedisLimits, RedisStore } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { RunningServer } from '../../redis-servers/standalone.js';
import { type Ended, tollgate } from '../tollgate.js';

// Each command is a process, and a test has several.
vi.setConfig({ testTimeout: 120_000 });

const THROTTLE = { afterViolations: 1, withinMs: 60_000, forMs: 300_000, factor: 0.5 };
const POLICY = {
  quotas: [perMinute(100)],
  each: {
    leg: { quotas: [perMinute(4)], throttle: THROTTLE },
    key: { quotas: [perMinute(60)], blocked: { k0: true, k1: { until: '2030-12-31T18:00:00+05:30' } } },
  },
  service: [perMinute(50)],
  addresses: { quotas: [perMinute(20)], '203.0.113.0/24': 'blocked' },
  environments: { sandbox: { each: { leg: [perMinute(2)] } } },
  known: { categories: ['legs', 'login'] },
} as const;

let server: RunningServer;
beforeAll(async () => {
  server = await RunningServer.start();
});
afterAll(() => server?.stop());

/** Charges as a service would, under a prefix for the test, since all tests share the service's counter. */
async function charge(prefix: string, times: number, charge: Charge): Promise<void> {
  const store = new RedisStore({ url: server.url, prefix, timeoutMs: 5000, denyCacheSize: 0 });
  const limiter = new RateLimiter({ policy: POLICY, store });
  for (let time = 0; time < times; time++) expect(await limiter.consume(charge)).toMatchObject({ source: 'store' });
  await limiter.close();
  await store.close();
}

/** Commands with the policy of the services on stdin. */
function commandsUnder(prefix: string) {
  const command = (...args: readonly string[]): Promise<Ended> =>
    tollgate([...args, '--redis', server.url, '--prefix', prefix, '--policy', '-'], { input: JSON.stringify(POLICY) });
  const json = async (...args: readonly string[]) => {
    const { code, stdout } = await command(...args, '--json');
    return { code, ...JSON.parse(stdout) };
  };
  const rows = async (...args: readonly string[]) =>
    (await command(...args)).stdout.split('\n').map((line) => line.split(/ {2,}/).slice(0, 5));
  return { command, json, rows };
}

describe('tollgate peek', () => {
  it('shows the counter of each subject that it names, and that of everybody together', async () => {
    const { command, json, rows } = commandsUnder('subjects');
    await charge('subjects', 3, { account: 'acme', category: 'legs', subjects: { leg: 'L1', key: 'k7' } });
    await charge('subjects', 2, { account: 'acme', category: 'legs', subjects: { leg: 'L2', key: 'k7' } });
    const args = ['peek', 'acme', '--category', 'legs', '--subject', 'leg=L1', '--subject', 'key=k7'];
    expect(await rows(...args)).toEqual([
      ['acme legs leg=L1, key=k7: allowed'],
      [''],
      ['quota', 'scope', 'used', 'limit', 'left'],
      ['per-minute', 'category', '5', '100', '95'],
      ['service-per-minute', 'service', '5', '50', '45'],
      ['leg-per-minute', 'leg=L1', '3', '4', '1'],
      ['key-per-minute', 'key=k7', '5', '60', '55'],
      [''],
    ]);
    expect(await json(...args)).toMatchObject({
      code: 0,
      subjects: { leg: 'L1', key: 'k7' },
      quotas: [{}, { scope: 'service' }, { scope: 'subject', subject: 'leg', subjectId: 'L1', used: 3 }, {}],
    });
    const full = await command(...args, '--cost', '2');
    expect(full.stdout).toMatch(/^acme legs leg=L1, key=k7: refused \(limit-reached\), admitted in /);
    expect(full.code).toBe(1);
  });

  it('shows who is blocked, by what, and until when', async () => {
    const { command, json } = commandsUnder('blocked');
    const limits = new RedisLimits({ url: server.url, prefix: 'blocked' });
    await limits.set('stored', { blocked: { until: '2031-01-01T00:00:00Z' } });
    await limits.close();
    const legs = ['--category', 'legs'];
    const key = await command('peek', 'acme', ...legs, '--subject', 'key=k1');
    expect(key.stdout).toBe(
      'acme legs key=k1: refused (blocked)\n' +
        'blocked: the key, until 2030-12-31T12:30:00.000Z, by policy.each.key.blocked.k1\n',
    );
    const address = await command('peek', '--address', '203.0.113.7', '--category', 'login');
    expect(address.stdout).toBe(
      'address 203.0.113.7 login: refused (blocked)\n' +
        'blocked: the address, without an end, by policy.addresses."203.0.113.0/24"\n',
    );
    const stored = await command('peek', 'stored', ...legs);
    expect(stored.stdout).toBe(
      'stored legs: refused (blocked)\n' +
        'blocked: the account, until 2031-01-01T00:00:00.000Z, by limits.stored.blocked\n',
    );
    expect([key.code, address.code, stored.code]).toEqual([1, 1, 1]);
    expect(await json('peek', 'acme', ...legs, '--subject', 'key=k0')).toMatchObject({
      code: 1,
      reason: 'blocked',
      retryAfterMs: null,
      block: { party: 'subject', subject: 'key', from: 'policy.each.key.blocked.k0' },
    });
  });

  it('shows ids of any characters safely, and reads them as it shows them', async () => {
    const { command, json } = commandsUnder('hostile');
    const leg = '\u001b[2J\u202e\0=\n"';
    await charge('hostile', 3, { account: 'acme', category: 'legs', subjects: { leg } });
    const typed = 'leg="\\u001b[2J\\u202e\\u0000=\\n\\""';
    const { code, stdout } = await command('peek', 'acme', '--category', 'legs', '--subject', typed);
    expect(stdout).not.toMatch(/(?!\n)\p{C}/u);
    expect(stdout.split('\n')[0]).toBe(`acme legs ${typed}: allowed`);
    expect(stdout).toMatch(/^leg-per-minute +leg="\S+" +3 +4 +1 /m);
    expect(code).toBe(0);
    expect(await json('peek', 'acme', '--category', 'legs', '--subject', typed)).toMatchObject({ subjects: { leg } });
    const long = await command('peek', 'acme', '--category', 'legs', '--subject', `leg=${'x'.repeat(50_000)}`);
    expect(long.stdout).toContain(`leg=${'x'.repeat(100)}… (50000 characters)`);
    expect(Math.max(...long.stdout.split('\n').map(({ length }) => length))).toBeLessThan(250);
  });

  it('--service shows the limits of everybody together', async () => {
    const { command, json, rows } = commandsUnder('service');
    await charge('service', 3, { account: 'acme', category: 'legs' });
    await charge('service', 4, { address: '198.51.100.7', category: 'login' });
    expect(await rows('peek', '--service')).toEqual([
      ['everybody together: allowed'],
      [''],
      ['quota', 'scope', 'used', 'limit', 'left'],
      ['service-per-minute', 'service', '7', '50', '43'],
      [''],
    ]);
    const refused = await json('peek', '--service', '--cost', '44');
    expect(refused).toMatchObject({ code: 1, service: true, reason: 'limit-reached', quotas: [{ used: 7 }] });
    expect(refused).not.toHaveProperty('address');
    const reset = await command('reset', '--service');
    expect([reset.stdout, reset.code]).toEqual(['Forgot the counter of everybody together.\n', 0]);
    expect((await json('peek', '--service')).quotas[0].used).toBe(0);
    expect((await json('peek', 'acme', '--category', 'legs')).quotas[0].used).toBe(3);
    expect(await json('pardon', '--service')).toEqual({ code: 0, service: true, done: 'pardon' });
    const without = await tollgate(['peek', '--service', '--redis', server.url]);
    expect([without.stderr, without.code]).toEqual([
      'tollgate: Expected --policy together with --service: it has the limits\n',
      2,
    ]);
    const none = await tollgate(['peek', '--service', '--redis', server.url, '--policy', '-'], {
      input: 'quotas: unlimited',
    });
    expect([none.stderr, none.code]).toEqual(['tollgate: Expected a policy with `service`, got one without\n', 2]);
  });

  it.each([
    [['peek', '--category', 'legs'], 'Expected one of an account, --address and --service'],
    [['reset', 'a', '--address', 'b', '--all'], 'Expected one of an account, --address and --service'],
    [['pardon', 'a', '--service'], 'Expected one of an account, --address and --service'],
    [
      ['peek', '--service', '--category', 'legs'],
      'Expected --service without --category: its counter is one for all requests',
    ],
    [['reset', '--service', '--all'], 'Expected --service without --all: its counter is one for all requests'],
    [
      ['reset', 'a', '--subject', 'lge=L1'],
      'Expected `--subject` to be a subject of the policy, got "lge": did you mean leg?',
    ],
  ])('%j ends with 2: %s', async (args, message) => {
    const { code, stdout, stderr } = await commandsUnder('wrong').command(...args);
    expect([stderr, stdout, code]).toEqual([`tollgate: ${message}\n`, '', 2]);
  });

  it('needs the policy for a subject', async () => {
    const args = ['reset', 'acme', '--subject', 'leg=L1', '--redis', server.url];
    const { code, stderr } = await tollgate(args);
    expect(stderr).toBe('tollgate: Expected --policy together with --subject: it has the kinds of subjects\n');
    const none = await tollgate([...args, '--policy', '-'], { input: 'quotas: unlimited' });
    expect(none.stderr).toBe(
      'tollgate: Expected a policy with limits of subjects for --subject leg, got one without\n',
    );
    expect([code, none.code]).toEqual([2, 2]);
  });
});

describe('tollgate reset and pardon', () => {
  const usedOf = async (prefix: string, ...args: readonly string[]) => {
    const { quotas } = await commandsUnder(prefix).json('peek', 'acme', '--category', 'legs', ...args);
    return Object.fromEntries(
      quotas.map(({ scope, subjectId = scope, used }: Record<string, unknown>) => [subjectId, used]),
    );
  };

  it('reach single subjects, those of an environment, and all of an account', async () => {
    const { command, json } = commandsUnder('reset');
    const both = { leg: 'L1', key: 'k7' };
    await charge('reset', 4, { account: 'acme', category: 'legs', subjects: both });
    await charge('reset', 2, { account: 'acme', category: 'legs', subjects: { leg: 'L1' }, environment: 'sandbox' });
    const subjects = ['--subject', 'leg=L1', '--subject', 'key=k7'];
    const one = await command('reset', 'acme', '--subject', 'leg=L1');
    expect([one.stdout, one.code]).toEqual(['Forgot the counter for leg=L1 of acme.\n', 0]);
    expect(await usedOf('reset', ...subjects)).toEqual({ category: 6, service: 6, L1: 0, k7: 4 });
    const sandbox = ['--environment', 'sandbox'];
    expect(await usedOf('reset', ...subjects, ...sandbox)).toMatchObject({ L1: 2 });
    await command('reset', 'acme', '--subject', 'leg=L1', ...sandbox);
    expect(await usedOf('reset', ...subjects, ...sandbox)).toMatchObject({ L1: 0 });
    const two = await json('reset', 'acme', '--category', 'legs', '--subject', 'key=k7');
    expect(two).toEqual({ code: 0, account: 'acme', category: 'legs', subjects: { key: 'k7' }, done: 'reset' });
    expect(await usedOf('reset', ...subjects)).toEqual({ category: 0, service: 6, L1: 0, k7: 0 });
    await charge('reset', 1, { account: 'acme', category: 'legs', subjects: both });
    const all = await command('reset', 'acme', '--all');
    expect([all.stdout, all.code]).toEqual(['Forgot all counters of acme.\n', 0]);
    expect(await usedOf('reset', ...subjects)).toEqual({ category: 0, service: 7, L1: 0, k7: 0 });
  });

  it('reach an address', async () => {
    const { command, json } = commandsUnder('address');
    await charge('address', 5, { address: '198.51.100.7', category: 'login' });
    const peek = () => json('peek', '--address', '198.51.100.7', '--category', 'login');
    expect((await peek()).quotas[0]).toMatchObject({ used: 5, limit: 20 });
    const { stdout } = await command('reset', '--address', '198.51.100.7', '--all');
    expect(stdout).toBe('Forgot all counters of address 198.51.100.7.\n');
    expect((await peek()).quotas[0].used).toBe(0);
  });

  it('note an address that services count under another text', async () => {
    const { command } = commandsUnder('network');
    const { code, stderr } = await command('reset', '--address', '2001:db8:1:1ff::1', '--all');
    expect(stderr).toBe(
      'tollgate: Services usually count 2001:db8:1:1ff::1 as 2001:db8:1:100::/56, unless their ipv6Prefix is another.\n',
    );
    const network = await command('reset', '--address', '2001:db8:1:100::/56', '--all');
    expect([code, network.code, network.stderr]).toEqual([0, 0, '']);
  });

  it('end the throttling of a subject, which peek shows', async () => {
    const { command, json } = commandsUnder('throttled');
    await charge('throttled', 5, { account: 'acme', category: 'legs', subjects: { leg: 'L1' } });
    const args = ['acme', '--category', 'legs', '--subject', 'leg=L1'];
    const { stdout } = await command('peek', ...args);
    expect(stdout).toMatch(
      /\nthrottled: the limits of leg=L1 are multiplied by 0\.5 for another (4 min( \d+ s)?|5 min)\n/,
    );
    const pardon = await command('pardon', 'acme', '--subject', 'leg=L1');
    expect([pardon.stdout, pardon.code]).toEqual(['Pardoned the counter for leg=L1 of acme.\n', 0]);
    const after = await json('peek', ...args);
    expect(after).not.toHaveProperty('throttled');
    expect(after.quotas[2]).toMatchObject({ used: 4, limit: 4 });
  });
});
