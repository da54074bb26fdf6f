import { perMinute, RateLimiter } from '@tollgate/core';
import { readUsage } from '@tollgate/core/usage';
import { RedisLimits, RedisStore, RedisUsage } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tollgate } from '../cli/tollgate.js';
import { entriesOf, START_AT } from '../contract/usage/requests.js';
import { RunningServer } from '../redis-servers/standalone.js';
import { readPage } from './fences.js';

/** The lines of the page, applied as printed. */
const LINES = [...readPage('docs/redis.md').matchAll(/^ {4}(ACL SETUSER (\S+) .*)$/gm)];
const LIMITS = 'tollgate:limits:{v1}';
const layer = { quotas: [perMinute(2)] };
const charge = { account: 'ameyo5m', category: 'legs' };

let server: RunningServer;
let admin: Redis;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  server = await RunningServer.start();
  admin = new Redis(server.url);
  for (const [, line] of LINES) await admin.call(...(splitLine(line!) as [string, ...string[]]));
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await admin.flushall();
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

/** As a shell or `redis-cli` does: a selector in parentheses is one argument. */
function splitLine(line: string): string[] {
  return line.match(/\([^)]*\)|\S+/g)!;
}

const urlOf = (user: string) => server.url.replace('//', `//${user}:secret@`);

function closing<T extends { close(): unknown }>(closed: T): T {
  ends.push(() => closed.close());
  return closed;
}

const limitsOf = (user: string, options = {}) => closing(new RedisLimits({ url: urlOf(user), ...options }));

/** Each of the commands is refused to the user, and changes nothing. */
async function expectRefused(user: string, commands: readonly (readonly [string, ...string[]])[]): Promise<void> {
  const client = new Redis(urlOf(user));
  ends.push(() => client.disconnect());
  const dump = async () => Promise.all((await admin.keys('*')).sort().map(async (key) => [key, await admin.dump(key)]));
  const before = await dump();
  expect(before).not.toEqual([]);
  for (const [command, ...args] of commands) {
    const refused = client.call(command, args);
    await expect(refused, [command, ...args].join(' ')).rejects.toThrow(/NOPERM|user executing the script/);
  }
  expect(await dump()).toEqual(before);
}

/** Ways to change or delete a key, also in a script. */
function changesOf(key: string): (readonly [string, ...string[]])[] {
  const script = (call: string) => ['EVAL', `return redis.call(${call})`, '1', key] as const;
  return [
    ['DEL', key],
    ['UNLINK', key],
    ['SET', key, 'x'],
    ['HSET', key, 'f', 'x'],
    ['HDEL', key, '!version'],
    ['EXPIRE', key, '1'],
    ['PEXPIRE', key, '1'],
    ['RENAME', key, 'tollgate:v1:{x}'],
    ['RENAME', 'tollgate:v1:{x}', key],
    ['COPY', 'tollgate:v1:{x}', key, 'REPLACE'],
    ['LPUSH', key, 'x'],
    ['LTRIM', key, '1', '0'],
    ['ZADD', key, '1', 'x'],
    script("'DEL', KEYS[1]"),
    script("'SET', KEYS[1], 'x'"),
    script("'HSET', KEYS[1], 'f', 'x'"),
    // A key that the script does not declare.
    ['EVAL', `return redis.call('DEL', '${key}')`, '0'],
    ['EVAL', `return redis.call('DEL', '${key}')`, '1', 'tollgate:v1:{x}'],
    ['FLUSHDB'],
    ['FLUSHALL'],
    ['CONFIG', 'SET', 'maxmemory', '1'],
    ['ACL', 'SETUSER', 'default', 'on'],
  ];
}

/** Limits that somebody has set. */
async function setLimits(): Promise<void> {
  await limitsOf('tollgate-administrator').set('acme', layer, { by: 'jo' });
}

async function useStore(user: string, options: object = {}): Promise<void> {
  const store = closing(new RedisStore({ url: urlOf(user) }));
  const throttle = { afterViolations: 1, withinMs: 1000, forMs: 1000, factor: 0.5 };
  const parties = { each: { leg: { quotas: [perMinute(2)], throttle } }, service: [perMinute(50)] };
  const policy = { quotas: [perMinute(2)], total: [perMinute(5)], ...parties, ...options };
  const limiter = closing(new RateLimiter({ policy: { ...policy, throttle } as never, store }));
  await store.ready();
  await store.probe('ameyo5m');
  const first = await limiter.consume(charge);
  expect(first.source).toBe('store');
  expect(await limiter.refund(String(first.receipt))).toBe(true);
  await limiter.consume(charge);
  expect((await limiter.peek(charge)).tightest?.used).toBe(1);
  for (let time = 0; time < 3; time++) await limiter.consume(charge);
  expect((await limiter.consume(charge)).allowed).toBe(false);
  await store.record('ameyo5m', [{ name: 'legs', quotas: [perMinute(2)] }], 1, 10);
  await limiter.pardon(charge);
  await limiter.reset(charge);
  await limiter.reset({ account: 'ameyo5m' });
  expect(await admin.keys('tollgate:v1:{ameyo5m}:[^!]*')).toEqual([]);
  await useParties(limiter);
  expect(await admin.keys('tollgate:v1:{[^!]*}:[^!]*')).toEqual([]);
  expect(limiter.health().failures).toBe(0);
}

/** Charges, corrects and forgets subjects, several accounts and the service. */
async function useParties(limiter: RateLimiter): Promise<void> {
  const subjects = { leg: 'L1' };
  const named = { ...charge, subjects };
  const both = await limiter.consumeAll([named, { account: 'acme', category: 'legs' }]);
  expect(both).toMatchObject({ allowed: true, source: 'store' });
  expect(await limiter.settle(String(both.receipt), 0)).toBe(true);
  for (let time = 0; time < 3; time++) await limiter.consumeAll([named, { account: 'acme', category: 'legs' }]);
  expect(await limiter.peek(named)).toMatchObject({ allowed: false, throttled: { factor: 0.5 } });
  await limiter.pardon({ account: 'ameyo5m', subjects });
  await limiter.reset({ account: 'ameyo5m', subjects });
  for (const account of ['ameyo5m', 'acme']) await limiter.reset({ account });
  await limiter.reset({ service: true });
}

async function useUsage(user: string): Promise<void> {
  const usage = closing(new RedisUsage({ url: urlOf(user) }));
  const answers = [
    { ...charge, at: Date.now(), answer: 'admitted' },
    { ...charge, at: Date.now(), answer: 'refused' },
  ];
  expect(await usage.add(entriesOf(answers as never))).toEqual([]);
  expect((await readUsage(usage, { account: 'ameyo5m' })).totals).toMatchObject({ requests: 2 });
  expect((await usage.top({ limit: 5 })).refused).toMatchObject([charge]);

  // The least used accounts of a crowd make room, with all of their keys.
  const crowded = closing(new RedisUsage({ url: urlOf(user), maxAccounts: 100 }));
  for (let requests = 1; requests <= 300; requests++) {
    const one = { account: `crowd${requests}`, category: 'legs', at: START_AT, answer: 'admitted' };
    expect(await crowded.add(entriesOf(new Array(requests).fill(one)))).toEqual([]);
  }
  const days = (await admin.keys('tollgate:usage:*crowd*')).filter((key) => /:\d{4}-\d\d-\d\d$/.test(key));
  expect(days.length).toBeLessThanOrEqual(100);
}

async function useLimits(user: string): Promise<void> {
  const administrator = limitsOf('tollgate-administrator');
  const follower = limitsOf(user, { refreshMs: 60_000 });
  await follower.ready();
  const listening = async () => (await admin.pubsub('NUMSUB', 'tollgate:limits:v1'))[1];
  await expect.poll(listening).toBe(2);
  await administrator.set('ameyo5m', layer, { by: 'jo' });
  await administrator.suspend();
  await expect.poll(() => follower.suspension).toBeDefined();
  expect(follower.layerOf('ameyo5m')).toBeDefined();
  for (const change of [follower.set('ameyo5m', layer), follower.delete('ameyo5m'), follower.suspend()]) {
    await expect(change).rejects.toMatchObject({ code: 'TOLLGATE_STORE_FAILED', charged: 'no' });
  }
  await administrator.resume();
  const accounts = [];
  for await (const { account } of follower.list()) accounts.push(account);
  expect(accounts).toEqual(['ameyo5m']);
  expect(await follower.get('ameyo5m')).toMatchObject({ version: 1 });
  // Without the log all is read anew.
  await admin.del(`${LIMITS}:log`);
  await administrator.delete('ameyo5m');
  await expect.poll(() => follower.state()).toMatchObject({ state: 'fresh', version: 4, accounts: 0 });
  expect(await follower.history()).toMatchObject([{ version: 4, change: 'deleted' }]);
  expect(follower.state().lastError).toBeUndefined();
}

describe('the users in docs/redis.md', () => {
  it('are these', () => {
    const users = LINES.map(([, , user]) => user);
    expect(users).toEqual(
      ['store', 'usage', 'follower', 'administrator', 'reader', 'service'].map((role) => `tollgate-${role}`),
    );
  });

  it('the store does all that a store does, and cannot change or delete limits', async () => {
    await useStore('tollgate-store');
    await setLimits();
    await admin.set('tollgate:v1:{x}', 'x');
    await expectRefused('tollgate-store', [...changesOf(LIMITS), ...changesOf(`${LIMITS}:log`), ['HGETALL', LIMITS]]);
    await expectRefused('tollgate-store', [['PUBLISH', 'tollgate:limits:v1', '1']]);
    await expect(limitsOf('tollgate-store').set('acme', layer)).rejects.toMatchObject({ charged: 'no' });
  });

  it('usage is added and read, and nothing else', async () => {
    await useUsage('tollgate-usage');
    await setLimits();
    await admin.set('tollgate:v1:{x}', 'x');
    await expectRefused('tollgate-usage', [...changesOf(LIMITS), ...changesOf('tollgate:v1:{x}')]);
  });

  it('the reader shows usage and limits with `tollgate`, and writes nothing', async () => {
    await useUsage('tollgate-usage');
    await setLimits();
    const redis = ['--redis', urlOf('tollgate-reader')];
    const commands = [
      ['usage', 'ameyo5m'],
      ['top', '--once'],
      ['limits', 'list'],
    ];
    for (const ended of await Promise.all(commands.map((args) => tollgate([...args, ...redis])))) {
      expect(ended).toMatchObject({ code: 0, stderr: '' });
    }
    await admin.set('tollgate:v1:{x}', 'x');
    const [day] = await admin.keys('tollgate:usage:{ameyo5m}:v1:2*');
    for (const key of [LIMITS, day!, 'tollgate:v1:{x}']) await expectRefused('tollgate-reader', changesOf(key));
  });

  it('the follower follows, and writes nothing', async () => {
    await useLimits('tollgate-follower');
    await setLimits();
    await admin.set('tollgate:v1:{x}', 'x');
    await expectRefused('tollgate-follower', [...changesOf(LIMITS), ...changesOf('tollgate:v1:{x}')]);
    await expectRefused('tollgate-follower', [
      ['PUBLISH', 'tollgate:limits:v1', '1'],
      ['GET', 'tollgate:v1:{x}'],
    ]);
  });

  it('the administrator changes limits, also by `tollgate limits`, and no counters', async () => {
    const redis = ['--redis', urlOf('tollgate-administrator')];
    for (const args of [
      ['limits', 'set', 'acme', '--quotas', '5/s'],
      ['limits', 'suspend', '--reason', 'a test'],
      ['limits', 'resume'],
    ]) {
      expect(await tollgate([...args, ...redis]), args.join(' ')).toMatchObject({ code: 0 });
    }
    const administrator = limitsOf('tollgate-administrator');
    expect(await administrator.get('acme')).toMatchObject({ version: 1 });
    expect(await administrator.history()).toMatchObject([
      { change: 'resumed' },
      { change: 'suspended' },
      { change: 'set' },
    ]);
    expect(await administrator.delete('acme')).toBe(true);
    await admin.set('tollgate:v1:{x}', 'x');
    await expectRefused('tollgate-administrator', [['GET', 'tollgate:v1:{x}'], ...changesOf('tollgate:v1:{x}')]);
  });

  it('a service does all three with one user, and cannot change or delete limits', async () => {
    await useStore('tollgate-service');
    await useUsage('tollgate-service');
    await useLimits('tollgate-service');
    await setLimits();
    const url = urlOf('tollgate-service');
    const store = closing(new RedisStore({ url }));
    const limits = closing(new RedisLimits({ url }));
    const limiter = closing(new RateLimiter({ policy: layer, store, accounts: limits, usage: true }));
    await limits.ready();
    expect((await limiter.consume({ account: 'acme', category: 'legs' })).source).toBe('store');
    expect((await limiter.usage({ account: 'acme' })).totals).toMatchObject({ requests: 1 });
    await admin.set('tollgate:v1:{x}', 'x');
    await expectRefused('tollgate-service', [...changesOf(LIMITS), ...changesOf(`${LIMITS}:log`)]);
    await expectRefused('tollgate-service', [['PUBLISH', 'tollgate:limits:v1', '1']]);
  });
});
