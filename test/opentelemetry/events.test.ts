import { MemoryStore, perMinute, perSecond, RateLimiter, type Store, StoreError } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RunningServer } from '../redis-servers/standalone.js';
import { Collector } from './collector.js';

let collector: Collector;
beforeEach(() => {
  collector = new Collector();
});
afterEach(() => collector.stop());

const charge = { account: 'ameyo5m', category: 'legs' };

describe('a limiter in memory', () => {
  it('counts throttlings, those still active, and the decisions under them', async () => {
    const time = { now: 0 };
    const store = new MemoryStore({ clock: () => time.now });
    const throttle = { afterViolations: 2, withinMs: 60_000, forMs: 10_000, factor: 0.5 };
    const limiter = new RateLimiter({ store, policy: { quotas: [perSecond(2)], throttle } });
    for (const account of ['a', 'b']) {
      // Two are admitted, and two are violations. The second one throttles, and the fifth charge is throttled too.
      for (let sent = 0; sent < 5; sent++) limiter.consume({ account, category: 'legs' });
    }
    const attributes = 'category=legs limiter=default scope=category';
    expect(await collector.lines('tollgate.throttlings')).toEqual([`${attributes}: 2`]);
    expect(await collector.lines('tollgate.active_throttlings')).toEqual([`${attributes}: 2`]);
    expect(await collector.lines('tollgate.throttled_decisions')).toEqual(['category=legs limiter=default: 4']);
    time.now += 10_000;
    limiter.consume({ account: 'c', category: 'events' });
    expect(await collector.lines('tollgate.throttlings')).toEqual([`${attributes}: 2`]);
    expect(await collector.lines('tollgate.active_throttlings')).toEqual([]);
  });

  it('counts throttlings of subjects by their kind, and has no id of them', async () => {
    const time = { now: 0 };
    const store = new MemoryStore({ clock: () => time.now });
    const throttle = { afterViolations: 1, withinMs: 60_000, forMs: 10_000, factor: 0.5 };
    const each = { leg: { quotas: [perSecond(1)], throttle } };
    const limiter = new RateLimiter({ store, policy: { quotas: [perSecond(9)], each } });
    for (const leg of ['secret1', 'secret1', 'secret2', 'secret2']) {
      limiter.consume({ account: 'a', category: 'legs', subjects: { leg } });
    }
    const attributes = 'category=legs limiter=default scope=subject subject=leg';
    expect(await collector.lines('tollgate.throttlings')).toEqual([`${attributes}: 2`]);
    expect(await collector.lines('tollgate.active_throttlings')).toEqual([`${attributes}: 2`]);
    expect(JSON.stringify([...(await collector.collect())])).not.toContain('secret');
    time.now += 10_000;
    limiter.consume({ account: 'a', category: 'legs', subjects: { leg: 'other' } });
    expect(await collector.lines('tollgate.active_throttlings')).toEqual([]);
  });

  it('counts corrections and their units by kind, for each of several charges', async () => {
    const limiter = new RateLimiter({ store: new MemoryStore(), policy: { quotas: [perMinute(1000)] } });
    const consume = (category: string, cost: number) => limiter.consume({ account: 'a', category, cost });
    for (let sent = 0; sent < 2; sent++) await limiter.refund((await consume('legs', 3)).receipt!);
    await (await consume('legs', 5)).settle(0);
    for (const actualCost of [1, 5, 9]) await (await consume('legs', 5)).settle(actualCost);
    await limiter.debit({ account: 'a', category: 'legs', cost: 90 });
    const joined = await limiter.consumeAll([
      { account: 'a', category: 'calls', cost: 5 },
      { account: 'b', category: 'login', cost: 2 },
    ]);
    expect([await joined.settle(3), await joined.settle(4)]).toEqual([true, false]);
    const kind = (category: string, correction: string) =>
      `category=${category} correction=${correction} limiter=default`;
    expect(await collector.lines('tollgate.corrections')).toEqual([
      `${kind('calls', 'settle_lower')}: 1`,
      `${kind('legs', 'debit')}: 1`,
      `${kind('legs', 'refund')}: 3`,
      `${kind('legs', 'settle_equal')}: 1`,
      `${kind('legs', 'settle_higher')}: 1`,
      `${kind('legs', 'settle_lower')}: 1`,
      `${kind('login', 'settle_higher')}: 1`,
    ]);
    expect(await collector.lines('tollgate.corrected_units')).toEqual([
      `${kind('calls', 'settle_lower')}: 2`,
      `${kind('legs', 'debit')}: 90`,
      `${kind('legs', 'refund')}: 11`,
      `${kind('legs', 'settle_higher')}: 4`,
      `${kind('legs', 'settle_lower')}: 4`,
      `${kind('login', 'settle_higher')}: 1`,
    ]);
  });

  it('makes no series of corrections for categories that a client invents, nor for accounts', async () => {
    const limiter = new RateLimiter({ store: new MemoryStore(), policy: { quotas: [perMinute(1000)] } });
    for (let sent = 0; sent < 200; sent++) limiter.debit({ account: `secret${sent}`, category: `c${sent}` });
    for (const name of ['tollgate.corrections', 'tollgate.corrected_units']) {
      const lines = await collector.lines(name);
      expect(lines).toHaveLength(65);
      expect(lines).toContain('category=_OTHER correction=debit limiter=default: 136');
      expect(lines.join()).not.toContain('secret');
    }
  });

  it('reports the counters of its store, and evictions', async () => {
    const time = { now: 0 };
    const store = new MemoryStore({ clock: () => time.now, maxCounters: 4 });
    const limiter = new RateLimiter({ name: 'small', store, policy: { quotas: [perMinute(2)] } });
    new RateLimiter({ name: 'sharing', store, policy: { quotas: [perMinute(2)] } });
    for (let account = 0; account < 10; account++) limiter.consume({ account: `a${account}`, category: 'legs' });
    expect(await collector.lines('tollgate.memory.counters')).toEqual(['limiter=small: 4']);
    expect(await collector.lines('tollgate.memory.max_counters')).toEqual(['limiter=small: 4']);
    expect(await collector.lines('tollgate.memory.evictions')).toEqual(['eviction=unexpired limiter=small: 6']);
    time.now = 60_000;
    for (let account = 0; account < 2; account++) limiter.consume({ account: `b${account}`, category: 'legs' });
    const { evictedExpired, counters } = store.stats();
    expect(await collector.lines('tollgate.memory.evictions')).toEqual([
      `eviction=expired limiter=small: ${evictedExpired}`,
      'eviction=unexpired limiter=small: 6',
    ]);
    expect(await collector.lines('tollgate.memory.counters')).toEqual([`limiter=small: ${counters}`]);
    store.close();
    // A closed store has no counters, and its evictions stay counted.
    expect(await collector.lines('tollgate.memory.counters')).toEqual([]);
    expect(await collector.lines('tollgate.memory.evictions')).toContain('eviction=unexpired limiter=small: 6');
  });

  it('counts policies, decisions of a candidate and failed account sources, also after it is closed', async () => {
    const options = { name: 'api', policy: { quotas: [perMinute(2)] }, candidate: { quotas: [perMinute(1)] } };
    const failing = {
      layerOf: () => {
        throw new Error('gone');
      },
    };
    for (let time = 0; time < 2; time++) {
      const limiter = new RateLimiter({ ...options, accounts: failing });
      limiter.setPolicy({ quotas: [perMinute(3)] });
      for (let sent = 0; sent < 4; sent++) limiter.consume(charge);
      expect(await collector.lines('tollgate.policy.version')).toEqual(['limiter=api: 2']);
      expect(await collector.lines('tollgate.store.state')).toEqual(['limiter=api store.state=up: 1']);
      limiter.close();
    }
    expect(await collector.lines('tollgate.policy.version')).toEqual([]);
    expect(await collector.lines('tollgate.account_source.failures')).toEqual(['limiter=api: 8']);
    expect(await collector.lines('tollgate.candidate.decisions')).toEqual([
      'agreement=both_allow limiter=api: 2',
      'agreement=both_refuse limiter=api: 2',
      'agreement=only_candidate_refuses limiter=api: 4',
    ]);
  });
});

describe('a limiter on a store that fails', () => {
  it('reports its state, circuits, calls, and the charges to write back', async () => {
    const memory = new MemoryStore();
    let fails = false;
    const store: Store = {
      consume: async (...args) => {
        if (fails) throw new StoreError('gone', { charged: 'no' });
        return memory.consume(...args);
      },
      peek: async (...args) => memory.peek(...args),
      record: async (...args) => {
        if (fails) throw new StoreError('gone', { charged: 'no' });
        memory.record(...args);
      },
      probe: async () => {
        if (fails) throw new Error('gone');
      },
      refund: () => undefined,
      reset: () => undefined,
      close: () => undefined,
    };
    const limiter = new RateLimiter({ store, policy: { quotas: [perMinute(100)] } });
    for (let sent = 0; sent < 3; sent++) await limiter.consume(charge);
    fails = true;
    for (let sent = 0; sent < 8; sent++) await limiter.consume(charge);
    expect(await collector.lines('tollgate.store.state')).toEqual(['limiter=default store.state=down: 1']);
    expect(await collector.lines('tollgate.store.open_circuits')).toEqual(['limiter=default: 1']);
    expect(await collector.lines('tollgate.write_back.pending')).toEqual(['limiter=default: 8']);
    expect(await collector.lines('tollgate.decisions')).toEqual([
      'category=legs limiter=default outcome=admitted reason=admitted source=local: 8',
      'category=legs limiter=default outcome=admitted reason=admitted source=store: 3',
    ]);
    const durations = (await collector.lines('tollgate.store.call.duration')).map((line) => line.replace(/ of .*/, ''));
    expect(durations.slice(0, 2)).toEqual([
      expect.stringMatching(/^error.type=failed limiter=default: [5-9]$/),
      'limiter=default: 3',
    ]);
    fails = false;
    await expect.poll(() => limiter.health().writeBack.written).toBe(8);
    expect(await collector.lines('tollgate.store.state')).toEqual(['limiter=default store.state=up: 1']);
    expect(await collector.lines('tollgate.write_back.charges')).toEqual(['limiter=default result=written: 8']);
    expect(await collector.lines('tollgate.store.circuit.changes')).toEqual([
      'circuit.state=closed limiter=default: 1',
      'circuit.state=open limiter=default: 1',
    ]);
    const failures = limiter.health().failures;
    expect(await collector.lines('tollgate.store.failures')).toEqual([`limiter=default: ${failures}`]);
    limiter.close();
  });
});

describe('a limiter on Redis', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await RunningServer.start();
  });
  afterAll(() => server?.stop());

  it('reports the size of its calls, merged operations, and refusals by the deny cache', async () => {
    const store = new RedisStore({ url: server.url });
    const limiter = new RateLimiter({ name: 'api', store, policy: { quotas: [perMinute(50)] } });
    await store.probe('x');
    // One call with 60 charges of two accounts; equal charges are merged.
    const sent = Array.from({ length: 60 }, (_, index) => limiter.consume({ ...charge, account: `a${index % 2}` }));
    await Promise.all(sent);
    expect(await collector.lines('tollgate.redis.batch.size')).toEqual([': 1 of 60']);
    expect(await collector.lines('tollgate.redis.merged_operations')).toEqual([': 58']);
    await Promise.all(Array.from({ length: 21 }, () => limiter.consume({ ...charge, account: 'a0' })));
    expect(await collector.lines('tollgate.redis.batch.size')).toEqual([': 2 of 81']);
    for (let refused = 0; refused < 7; refused++) await limiter.consume({ ...charge, account: 'a0' });
    expect(await collector.lines('tollgate.redis.deny_cache.hits')).toEqual(['limiter=api: 7']);
    expect(await collector.lines('tollgate.redis.pending_operations')).toEqual([]);
    expect(await collector.lines('tollgate.decisions')).toEqual([
      'category=legs limiter=api outcome=admitted reason=admitted source=store: 80',
      'category=legs limiter=api outcome=refused reason=limit-reached scope=category source=store: 8',
    ]);
    // Refusals by the deny cache wait for no call.
    const [duration] = await collector.lines('tollgate.store.call.duration');
    const [, count, seconds] = /^limiter=api: (\d+) of (.*)$/.exec(duration!)!;
    expect(count).toBe('81');
    expect(Number(seconds)).toBeGreaterThan(0);
    expect(Number(seconds)).toBeLessThan(81 * 0.5);
    await limiter.close();
    await store.close();
  });

  it('counts failed calls', async () => {
    const own = await RunningServer.start({ args: ['--maxmemory', '1', '--maxmemory-policy', 'noeviction'] });
    const store = new RedisStore({ url: own.url });
    const limiter = new RateLimiter({ store, policy: { quotas: [perMinute(50)] } });
    expect(await limiter.consume(charge)).toMatchObject({ source: 'local' });
    expect(await collector.lines('tollgate.redis.failed_calls')).toEqual([': 1']);
    await limiter.close();
    await store.close();
    await own.stop();
  });
});
