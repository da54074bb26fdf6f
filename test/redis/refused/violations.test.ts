import { setTimeout as sleep } from 'node:timers/promises';
import { type CounterSpec, perMinute, RateLimiter, Throttle } from '@tollgate/core';
import { isPromise } from '@tollgate/core/kit';
import { describe, expect, it } from 'vitest';
import { counterOf, redisWorld } from '../store-world.js';

const world = redisWorld();
const own = () => world.store({ client: world.plain });

function throttled(limit: number, afterViolations: number, forMs = 60_000): CounterSpec[] {
  const throttle = new Throttle({ afterViolations, withinMs: 60_000, forMs, factor: 0.5 });
  return counterOf(limit).map((counter) => ({ ...counter, throttle }));
}

const LATER = { afterViolations: 1000, withinMs: 60_000, forMs: 1000 };

describe('violations by refusals of the deny cache', () => {
  it('are sent with the next charge of the account', async () => {
    const store = own();
    const counters = throttled(4, 5);
    await store.consume('a', counters, 4);
    await store.consume('a', counters, 1);
    for (let known = 0; known < 3; known++) expect(isPromise(store.consume('a', counters, 1))).toBe(false);
    const { operations } = store.stats();
    // Another cost is always asked: it is the fifth refusal, after the three.
    const asked = await store.consume('a', counters, 2);
    expect(asked).toMatchObject({ allowed: false, beganThrottling: true, throttledMs: [60_000] });
    expect(store.stats().operations).toBe(operations + 2);
  });

  it('end where one could begin a throttling: Redis decides that refusal', async () => {
    const store = own();
    const counters = throttled(4, 5);
    await store.consume('b', counters, 4);
    await store.consume('b', counters, 1);
    for (let known = 0; known < 3; known++) expect(isPromise(store.consume('b', counters, 1))).toBe(false);
    const fifth = await store.consume('b', counters, 1);
    expect(fifth).toMatchObject({ allowed: false, beganThrottling: true, throttledMs: [60_000] });
    expect(isPromise(store.consume('b', counters, 1))).toBe(false);
  });

  it('of categories that share a total throttle it at exactly the refusal that the policy names', async () => {
    const store = own();
    const throttle = { afterViolations: 20, withinMs: 60_000, forMs: 60_000, factor: 0.5 };
    const policy = { quotas: [perMinute(1000)], total: [perMinute(4)], throttle };
    const limiter = new RateLimiter({ policy, store });
    const throttled: number[] = [];
    for (let refusal = -3; refusal <= 40; refusal++) {
      const category = `category ${(refusal + 3) % 5}`;
      const decision = await limiter.consume({ account: 'shared', category });
      expect(decision.allowed).toBe(refusal <= 0);
      if (decision.throttled !== undefined) throttled.push(refusal);
    }
    expect(throttled).toEqual(Array.from({ length: 21 }, (_, index) => 20 + index));
    expect(limiter.stats().throttlings).toBe(1);
    await limiter.close();
  });

  it('of several processes together throttle too, and the next refusal reports it', async () => {
    const counters = throttled(4, 6);
    const shared = world.store({ client: world.plain, prefix: 'violations-of-two' });
    const other = world.store({ client: world.plain, prefix: 'violations-of-two' });
    await shared.reset('a');
    await shared.consume('a', counters, 4);
    await shared.consume('a', counters, 1);
    await other.consume('a', counters, 1);
    // The stores may refuse four and three more on their own. Together they reach six before either has five.
    for (const store of [shared, other]) for (let known = 0; known < 3; known++) store.consume('a', counters, 1);
    await expect.poll(async () => (await other.peek('a', counters, 1)).throttledMs![0]).toBeGreaterThan(0);
    await sleep(120);
    const refusals = [await shared.consume('a', counters, 1), await other.consume('a', counters, 1)];
    expect(refusals.filter(({ beganThrottling }) => beganThrottling)).toHaveLength(1);
  });

  it('are reported by a refusal of the counter that they have throttled, and by no other', async () => {
    const legs = throttled(4, 6);
    const tried = legs.map((counter) => ({ ...counter, name: '*/legs' }));
    const free = counterOf(4);
    const [one, other] = [0, 1].map(() => world.store({ client: world.plain, prefix: 'violations-reported' }));
    await one!.reset('a');
    await one!.consume('a', tried, 4);
    await one!.consume('a', tried, 1);
    await other!.consume('a', tried, 1);
    for (const store of [one!, other!]) for (let known = 0; known < 3; known++) store.consume('a', tried, 1);
    await expect.poll(async () => (await other!.peek('a', tried, 1)).throttledMs![0]).toBeGreaterThan(0);
    await sleep(120);
    for (const counters of [legs, free]) await one!.consume('a', counters, 4);
    for (const store of [one!, other!]) {
      for (const counters of [legs, free]) {
        expect(await store.consume('a', counters, 5)).not.toHaveProperty('beganThrottling');
      }
    }
    const refusals = [await one!.consume('a', tried, 5), await other!.consume('a', tried, 5)];
    expect(refusals.filter(({ beganThrottling }) => beganThrottling)).toHaveLength(1);
  });

  it('do not report a throttling that has ended', async () => {
    const [one, other] = [0, 1].map(() => world.store({ client: world.plain, prefix: 'violations-over' }));
    const counters = throttled(4, 6, 100);
    await one!.reset('a');
    await one!.consume('a', counters, 4);
    await one!.consume('a', counters, 1);
    await other!.consume('a', counters, 1);
    for (const store of [one!, other!]) for (let known = 0; known < 3; known++) store.consume('a', counters, 1);
    await expect.poll(async () => (await other!.peek('a', counters, 1)).throttledMs![0]).toBeGreaterThan(0);
    await expect.poll(async () => (await other!.peek('a', counters, 1)).throttledMs![0]).toBe(0);
    const relieved = counters.map((counter) => ({ ...counter, throttle: new Throttle({ ...LATER, factor: 0.5 }) }));
    for (const store of [one!, other!]) {
      const refused = await store.consume('a', relieved, 1);
      expect(refused).toMatchObject({ allowed: false, throttledMs: [0] });
      expect(refused).not.toHaveProperty('beganThrottling');
    }
  });

  it('are otherwise sent within 100 ms, in one operation however many they are', async () => {
    const store = own();
    const counters = throttled(1, 1000);
    await store.consume('c', counters, 1);
    await store.consume('c', counters, 1);
    const { operations } = store.stats();
    for (let known = 0; known < 500; known++) store.consume('c', counters, 1);
    expect(store.stats()).toMatchObject({ operations, denyCacheHits: 500 });
    await expect.poll(() => store.stats().operations, { interval: 5, timeout: 1000 }).toBe(operations + 1);
    // 501 so far.
    for (let known = 0; known < 498; known++) store.consume('c', counters, 1);
    expect(await store.consume('c', counters, 2)).toMatchObject({ throttledMs: [60_000], beganThrottling: true });
  });

  it('count on the counters without room, and on no others', async () => {
    const store = own();
    const [legs] = throttled(1, 3);
    const [total] = throttled(9, 1).map((counter) => ({ ...counter, name: '*' }));
    await store.consume('d', [legs!, total!], 1);
    await store.consume('d', [legs!, total!], 1);
    for (let known = 0; known < 3; known++) store.consume('d', [legs!, total!], 1);
    expect(await store.consume('d', [legs!, total!], 2)).toMatchObject({ throttledMs: [expect.any(Number), 0] });
    expect((await store.peek('d', [total!], 9)).throttledMs).toEqual([0]);
  });

  it('cost Redis nothing per refusal during a throttling, and count for the next one', async () => {
    const store = own();
    const counters = throttled(1, 2, 500);
    const before = store.stats().operations;
    const beganAt: number[] = [];
    let refused = 0;
    while (beganAt.length < 2 && refused < 1e6) {
      const outcome = await store.consume('e', counters, 1);
      if (!outcome.allowed) refused++;
      if (outcome.beganThrottling) beganAt.push(outcome.now + outcome.throttledMs![0]! - 500);
      if (refused % 100 === 0) await sleep(1);
    }
    expect(beganAt[1]! - beganAt[0]!).toBeGreaterThanOrEqual(500);
    expect(refused).toBeGreaterThan(500);
    expect(store.stats().operations - before).toBeLessThan(refused / 5);
  });

  it('are forgotten by a pardon and by a reset', async () => {
    for (const forget of ['pardon', 'reset'] as const) {
      const store = own();
      const counters = throttled(1, 3);
      await store.consume('f', counters, 1);
      await store.consume('f', counters, 1);
      store.consume('f', counters, 1);
      await store[forget]('f', 'legs');
      if (forget === 'reset') await store.consume('f', counters, 1);
      expect(await store.consume('f', counters, 1)).toMatchObject({ allowed: false, throttledMs: [0] });
      expect(await store.consume('f', counters, 2)).toMatchObject({ throttledMs: [0] });
      expect(await store.consume('f', counters, 3)).toMatchObject({ beganThrottling: true });
    }
  });

  it('survive a pardon and a reset of another counter', async () => {
    for (const forget of ['pardon', 'reset'] as const) {
      const store = own();
      const [legs] = throttled(1, 3);
      const [total] = throttled(1, 4).map((counter) => ({ ...counter, name: '*' }));
      const both = [legs!, total!];
      await store.consume('i', both, 1);
      await store.consume('i', both, 1);
      expect(isPromise(store.consume('i', both, 1))).toBe(false);
      await store[forget]('i', 'legs');
      expect(await store.consume('i', [total!], 1)).toMatchObject({ allowed: false, throttledMs: [0] });
      expect(await store.consume('i', [total!], 1)).toMatchObject({ allowed: false, beganThrottling: true });
    }
  });

  it('are an event of the limiter, and are not sent after close', async () => {
    const store = own();
    const throttle = { afterViolations: 3, withinMs: 60_000, forMs: 60_000, factor: 0 };
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(1)], throttle }, store });
    const events: unknown[] = [];
    limiter.on('throttled', ({ account, throttled }) => events.push([account, throttled?.factor]));
    const charge = { account: 'g', category: 'legs' };
    for (let sent = 0; sent < 5; sent++) await limiter.consume(charge);
    await store.peek('g', counterOf(1), 0);
    await limiter.consume(charge);
    expect(events).toEqual([['g', 0]]);
    expect(limiter.stats().throttlings).toBe(1);
    await limiter.close();
    await store.close();
    await sleep(150);
    expect(store.stats().pending).toBe(0);
  });
});

it('violations on Redis have an expiry, and names that no counter has', async () => {
  const store = own();
  const throttle = new Throttle({
    afterViolations: 1,
    withinMs: 60_000,
    forMs: 1000,
    factor: 0,
    escalate: { factor: 2, maxMs: 5000 },
  });
  for (const name of ['legs', '!legs', '!', '!.legs', '!,legs']) {
    const counters = counterOf(1, 60_000, name).map((counter) => ({ ...counter, throttle }));
    expect(await store.consume('h', counters, 1)).toMatchObject({ allowed: true, throttledMs: [0] });
    expect(await store.consume('h', counters, 1)).toMatchObject({ allowed: false, beganThrottling: true });
  }
  const keys = await world.keys();
  expect(keys).toHaveLength(11);
  for (const key of keys) expect(await world.plain.pttl(key)).toBeGreaterThan(0);
  // A throttling that escalates matters for a day.
  const [violations] = keys.filter((key) => key.endsWith(':!legs'));
  expect(await world.plain.pttl(violations!)).toBeGreaterThan(86_400_000);
  await store.pardon('h');
  expect(await world.keys()).toHaveLength(6);
  await store.reset('h');
  expect(await world.keys()).toEqual([]);
});
