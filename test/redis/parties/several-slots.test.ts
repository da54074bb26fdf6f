import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type CounterSpec, Quota } from '@tollgate/core';
import { isPromise } from '@tollgate/core/kit';
import { RedisStore } from '@tollgate/redis';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../redis-servers/ask.js';
import { type RunningCluster, startCluster } from '../../redis-servers/cluster.js';
import { ScriptClock } from '../script-clock.js';

const clock = new ScriptClock();
let cluster: RunningCluster;
let plain: Cluster;
let timed: Cluster;
let prefix = '';
const stores: RedisStore[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  plain = new Cluster([...cluster.startupNodes]);
  timed = clock.drive(new Cluster([...cluster.startupNodes]));
  await Promise.all([plain.ping(), timed.ping()]);
}, 60_000);

afterAll(async () => {
  for (const store of stores) await store.close();
  plain?.disconnect();
  timed?.disconnect();
  await cluster?.stop();
});

function newStore(client: Cluster = plain): RedisStore {
  prefix = `slots:${process.pid}:${stores.length}`;
  const store = new RedisStore({ client, prefix, timeoutMs: 5000, clock: () => clock.nowMs });
  stores.push(store);
  return store;
}

const quotasOf = (limit: number) => [new Quota({ limit, windowMs: 60_000 })];
const OWN: CounterSpec = { name: 'legs', quotas: quotasOf(10) };
const WITH_SERVICE: CounterSpec[] = [OWN, { name: '*', quotas: quotasOf(10), account: '@service' }];
const SERVICE = [{ name: '*', quotas: quotasOf(10) }];
const keyOf = (account: string) => `${prefix}:v1:{${account}}`;
const slotOf = async (account: string) =>
  Number(await ask(cluster.nodes[0]!.port, 'CLUSTER', 'KEYSLOT', keyOf(account)));
const usedOf = async (store: RedisStore, account: string, counters: readonly CounterSpec[]) =>
  (await store.peek(account, counters, 0)).used[0];

/** A client of the cluster that fails scripts with a key of that account. */
function failing(account: string, error: Error, from = 1): Cluster {
  let calls = 0;
  return Object.create(plain, {
    sendCommand: {
      value: (command: { name: string; args: unknown[]; pipelineIndex?: number }, stream?: never) => {
        const concerns =
          /^eval/i.test(command.name) && command.args.some((arg) => String(arg).startsWith(keyOf(account)));
        if (concerns && ++calls >= from) return Promise.reject(error);
        return plain.sendCommand(command as never, stream);
      },
    },
  }) as Cluster;
}

const REFUSED_COMMAND = Object.assign(new Error('NOPERM this user has no permissions'), { name: 'ReplyError' });
const LOST_CONNECTION = new Error('Connection is closed.');

describe('a charge of several slots', () => {
  it('is admitted by all of them, one call each, and refunded in all of them', async () => {
    const store = newStore();
    expect(await slotOf('a')).not.toBe(await slotOf('@service'));
    const { calls } = store.stats();
    const outcome = await store.consume('a', WITH_SERVICE, 3);
    expect(outcome).toMatchObject({ allowed: true, used: [3, 3], retryAfterMs: 0 });
    expect(store.stats().calls).toBe(calls + 2);
    expect(await store.peek('a', WITH_SERVICE.toReversed(), 0)).toMatchObject({ used: [3, 3] });
    await store.record('a', WITH_SERVICE, 2, 0);
    expect(await store.peek('b', WITH_SERVICE, 0)).toMatchObject({ used: [0, 5] });
    // A receipt keeps the token as text.
    await store.refund('a', WITH_SERVICE, 3, JSON.parse(JSON.stringify(outcome)));
    expect(await store.peek('a', WITH_SERVICE, 0)).toMatchObject({ used: [2, 2] });
  });

  it('that one of them refuses leaves nothing in the others once it is answered', async () => {
    const store = newStore();
    for (const [account, counters] of [
      ['@service', SERVICE],
      ['a', [OWN]],
    ] as const) {
      await store.consume(account, counters, 9);
      const refused = await store.consume('a', WITH_SERVICE, 2);
      expect(refused).toMatchObject({ allowed: false, used: account === 'a' ? [9, 0] : [0, 9] });
      expect(refused.resetAfterMs[account === 'a' ? 1 : 0]).toBe(0);
      expect(refused.retryAfterMs).toBeGreaterThan(50_000);
      expect(await usedOf(store, 'a', [OWN])).toBe(account === 'a' ? 9 : 0);
      expect(await usedOf(store, '@service', SERVICE)).toBe(account === 'a' ? 0 : 9);
      for (const each of ['a', '@service']) await store.reset(each);
    }
  });

  it('names the longest wait of all slots, and `Infinity` where one can never take it', async () => {
    const store = newStore(timed);
    await store.consume('a', [OWN], 10);
    clock.nowMs += 20_000;
    await store.consume('@service', SERVICE, 10);
    expect(await store.consume('a', WITH_SERVICE, 1)).toMatchObject({
      now: clock.nowMs,
      used: [10, 10],
      retryAfterMs: 60_000,
      resetAfterMs: [40_000, 60_000],
    });
    const never = [
      { ...OWN, cost: 1 },
      { ...WITH_SERVICE[1]!, cost: 11 },
    ];
    expect((await store.consume('a', never, 11)).retryAfterMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('is one call where its counters share a slot', async () => {
    const store = newStore();
    const near = 'a';
    const joint = [
      OWN,
      { name: '*~leg/L1', quotas: quotasOf(9), subject: 'L1' },
      { ...OWN, name: 'other', account: near },
    ];
    const { calls } = store.stats();
    await store.consume('a', joint, 1);
    expect(store.stats().calls).toBe(calls + 1);
    // All counters of the other account: its own slot.
    expect(await store.consume('x', [{ ...OWN, account: 'a' }], 1)).toMatchObject({ used: [2] });
    expect(store.stats().calls).toBe(calls + 2);
  });

  it('that was refused is refused at once while nothing changes, and asked again when one of its accounts does', async () => {
    const store = newStore();
    await store.consume('@service', SERVICE, 10);
    await store.consume('a', WITH_SERVICE, 1);
    const { operations } = store.stats();
    const denied = store.consume('a', WITH_SERVICE, 1);
    expect(isPromise(denied)).toBe(false);
    expect(denied).toMatchObject({ allowed: false, used: [0, 10] });
    expect(store.stats().operations).toBe(operations);
    // The service is known to be full, so nothing of another account is reserved.
    expect(await store.consume('b', WITH_SERVICE, 1)).toMatchObject({ allowed: false, used: [0, 10] });
    expect(store.stats().operations).toBe(operations + 1);
    expect(await plain.exists(`${keyOf('b')}:legs`)).toBe(0);
    await store.consume('a', [OWN], 4);
    expect(await store.consume('a', WITH_SERVICE, 1)).toMatchObject({ allowed: false, used: [4, 10] });
    await store.reset('@service');
    expect(await store.consume('a', WITH_SERVICE, 1)).toMatchObject({ allowed: true, used: [5, 1] });
  });

  it('of many accounts at once shares one call for each slot of accounts, and one for the service', async () => {
    const store = newStore();
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => store.consume('a', WITH_SERVICE, 1)));
    expect(outcomes.filter(({ allowed }) => allowed)).toHaveLength(10);
    expect(await usedOf(store, 'a', [OWN])).toBe(10);
    expect(await usedOf(store, '@service', SERVICE)).toBe(10);
  });

  it.each([
    ['certainly recorded nothing', REFUSED_COMMAND, 'no'],
    ['may have recorded it', LOST_CONNECTION, 'unknown'],
  ] as const)('of which one part fails and %s gives back the others', async (_, error, charged) => {
    const store = newStore();
    const own = prefix;
    const broken = new RedisStore({ client: failing('@service', error), prefix: own, timeoutMs: 5000 });
    stores.push(broken);
    await expect(broken.consume('a', WITH_SERVICE, 3)).rejects.toMatchObject({
      code: 'TOLLGATE_STORE_FAILED',
      charged,
    });
    expect(await usedOf(store, 'a', [OWN])).toBe(0);
    await expect(broken.peek('a', WITH_SERVICE, 3)).rejects.toMatchObject({ code: 'TOLLGATE_STORE_FAILED' });
  });

  it('that cannot be given back is no refusal: the error says that it may have been recorded', async () => {
    const store = newStore();
    await store.consume('@service', SERVICE, 10);
    const own = prefix;
    const broken = new RedisStore({ client: failing('a', REFUSED_COMMAND, 2), prefix: own, timeoutMs: 5000 });
    stores.push(broken);
    await expect(broken.consume('a', WITH_SERVICE, 3)).rejects.toMatchObject({ charged: 'unknown' });
    expect(await usedOf(store, 'a', [OWN])).toBe(3);
  });

  it('whose refund fails in a part gives back the others, and says that it is unknown', async () => {
    const store = newStore();
    const own = prefix;
    const broken = new RedisStore({ client: failing('a', REFUSED_COMMAND, 2), prefix: own, timeoutMs: 5000 });
    stores.push(broken);
    const outcome = await broken.consume('a', WITH_SERVICE, 3);
    await expect(broken.refund('a', WITH_SERVICE, 3, outcome)).rejects.toMatchObject({ charged: 'unknown' });
    expect(await usedOf(store, 'a', [OWN])).toBe(3);
    expect(await usedOf(store, '@service', SERVICE)).toBe(0);
  });

  it('gives back also where maxPending operations wait', async () => {
    const store = newStore();
    await store.consume('@service', SERVICE, 10);
    const own = prefix;
    const narrow = new RedisStore({ client: plain, prefix: own, timeoutMs: 5000, maxPending: 2, denyCacheSize: 0 });
    stores.push(narrow);
    const refused = narrow.consume('a', WITH_SERVICE, 1);
    const flood = async () => {
      for (let turn = 0; turn < 200; turn++) {
        await Promise.resolve(narrow.peek('b', [OWN], 0)).catch(() => {});
        await new Promise(setImmediate);
      }
    };
    await Promise.all([flood(), flood(), flood()]);
    expect(await refused).toMatchObject({ allowed: false, used: [0, 10] });
    expect(await usedOf(store, 'a', [OWN])).toBe(0);
  });

  it('is answered before a store closes, so that nothing stays reserved', async () => {
    const store = newStore();
    const own = prefix;
    await store.consume('@service', SERVICE, 10);
    for (let turns = 0; turns < 12; turns++) {
      const closing = new RedisStore({ client: plain, prefix: own, timeoutMs: 5000 });
      const refused = Promise.resolve(closing.consume('a', WITH_SERVICE, 1));
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      await closing.close();
      expect(await refused).toMatchObject({ allowed: false, used: [0, 10] });
      expect(await usedOf(store, 'a', [OWN])).toBe(0);
      expect(() => closing.consume('a', WITH_SERVICE, 1)).toThrow('RedisStore');
    }
  });

  it('of a process that is killed between two parts leaves one refused charge, until it expires', async () => {
    const store = newStore();
    await store.consume('@service', SERVICE, 10);
    const script = fileURLToPath(new URL('reserving-process.mjs', import.meta.url));
    const child = spawn(process.execPath, [script, JSON.stringify(cluster.startupNodes), prefix, 'a', '4'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [printed] = (await once(child.stdout, 'data')) as [Buffer];
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    expect((await exited)[1]).toBe('SIGKILL');
    expect(String(printed)).toBe('reserved\n');

    // Never over: what the dead process reserved counts, once, and nothing is lost in the other slot.
    expect(await usedOf(store, 'a', [OWN])).toBe(4);
    expect(await usedOf(store, '@service', SERVICE)).toBe(10);
    expect(await store.consume('a', [OWN], 6)).toMatchObject({ allowed: true, used: [10] });
    expect(await store.consume('a', [OWN], 1)).toMatchObject({ allowed: false });
    for (const account of ['a', '@service']) {
      for (const key of [keyOf(account), `${keyOf(account)}:${account === 'a' ? 'legs' : '*'}`]) {
        expect(await plain.pttl(key)).toBeGreaterThan(0);
      }
    }
    const later = new RedisStore({ client: timed, prefix });
    stores.push(later);
    clock.nowMs = Date.now() + 120_000;
    expect(await usedOf(later, 'a', [OWN])).toBe(0);
  });
});
