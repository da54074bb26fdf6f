import { setTimeout as sleep } from 'node:timers/promises';
import { Quota, Throttle } from '@tollgate/core';
import { isPromise } from '@tollgate/core/kit';
import { describe, expect, it } from 'vitest';
import { counterOf, redisWorld } from '../store-world.js';

const world = redisWorld();
const own = () => world.store({ client: world.plain });
/** The process's clock is that of the scripts, which the test moves. */
const timed = () => world.store({ clock: () => world.clock.nowMs });

describe('the deny cache', () => {
  it('refuses at once, without asking Redis, a charge that Redis has just refused', async () => {
    const store = own();
    const counters = counterOf(2);
    await store.consume('a', counters, 2);
    const asked = await store.consume('a', counters, 1);
    const { calls } = store.stats();
    for (let n = 0; n < 100; n++) {
      const outcome = store.consume('a', counters, 1);
      if (isPromise(outcome)) throw new Error('expected an answer at once');
      expect(outcome).toMatchObject({ allowed: false, used: [2] });
      expect(outcome.used).not.toBe(asked.used);
      expect(outcome.retryAfterMs).toBeLessThanOrEqual(asked.retryAfterMs);
      expect(outcome.retryAfterMs).toBeGreaterThan(59_000);
    }
    expect(store.stats()).toMatchObject({ calls, denyCacheHits: 100 });
  });

  it('is exact: it refuses until the wait is over, and the charge is admitted from then on', async () => {
    const store = own();
    const counters = counterOf(1, 200);
    const admitted = await store.consume('a', counters, 1);
    let outcome = await store.consume('a', counters, 1);
    while (!outcome.allowed) {
      expect(outcome.now).toBeLessThan(admitted.now + 200);
      await sleep(1);
      outcome = await store.consume('a', counters, 1);
    }
    expect(outcome.now).toBeGreaterThanOrEqual(admitted.now + 200);
    expect(store.stats().denyCacheHits).toBeGreaterThan(20);
    // A wait that a refusal of the cache named is exact as well.
    await store.consume('b', counters, 1);
    await store.consume('b', counters, 1);
    const cached = await store.consume('b', counters, 1);
    await sleep(cached.retryAfterMs + 1);
    expect((await store.consume('b', counters, 1)).allowed).toBe(true);
  });

  it('asks Redis about a lower cost, which may fit, and about other counters', async () => {
    const store = own();
    const counters = counterOf(10);
    await store.consume('a', counters, 8);
    expect(await store.consume('a', counters, 5)).toMatchObject({ allowed: false });
    expect(await store.consume('a', counters, 5)).toMatchObject({ allowed: false });
    expect(await store.consume('a', counters, 2)).toMatchObject({ allowed: true });
    expect(await store.consume('a', counterOf(20), 5)).toMatchObject({ allowed: true });
    expect(await store.consume('b', counters, 5)).toMatchObject({ allowed: true });
  });

  it('forgets on a refund, on a reset of the counter and on a reset of the account', async () => {
    const store = own();
    const counters = counterOf(1);
    for (const free of [
      (outcome: Awaited<ReturnType<typeof store.consume>>) => store.refund('a', counters, 1, outcome),
      () => store.reset('a', 'legs'),
      () => store.reset('a'),
    ]) {
      const outcome = await store.consume('a', counters, 1);
      expect(outcome.allowed).toBe(true);
      expect((await store.consume('a', counters, 1)).allowed).toBe(false);
      await free(outcome);
    }
    expect((await store.consume('a', counters, 1)).allowed).toBe(true);
  });

  it('asks again after this process has added to a counter of the refusal, and names the longer wait', async () => {
    const store = timed();
    const [legs, total] = [counterOf(10), counterOf(100, 60_000, '*')];
    await store.consume('a', legs, 5);
    world.clock.nowMs += 100;
    expect(await store.consume('a', legs, 8)).toMatchObject({ used: [5], retryAfterMs: 59_900 });
    expect(isPromise(store.consume('a', legs, 8))).toBe(false);
    await store.consume('a', total, 1);
    expect(isPromise(store.consume('a', legs, 8))).toBe(false);
    await store.consume('a', [...total, ...legs], 1);
    expect(await store.consume('a', legs, 8)).toMatchObject({ used: [6], retryAfterMs: 59_900 });
    world.clock.nowMs += 100;
    await store.record('a', legs, 3, 0);
    expect(await store.consume('a', legs, 8)).toMatchObject({ used: [9], retryAfterMs: 60_000 });
  });

  it('asks again when a slice leaves a quota, also one that gains no room by that', async () => {
    const store = timed();
    const quotas = [new Quota({ limit: 4, windowMs: 60_000 }), new Quota({ limit: 9, windowMs: 200 })];
    const throttle = new Throttle({ afterViolations: 1, withinMs: 1000, forMs: 5000, factor: 0 });
    const bare = [{ name: 'bare', quotas }];
    await store.consume('a', bare, 4);
    expect(await store.consume('a', bare, 1)).toMatchObject({ used: [4, 4], resetAfterMs: [60_000, 200] });
    world.clock.nowMs += 199;
    expect(store.consume('a', bare, 1)).toMatchObject({ used: [4, 4], resetAfterMs: [59_801, 1] });
    world.clock.nowMs += 1;
    expect(await store.consume('a', bare, 1)).toMatchObject({ used: [4, 0], resetAfterMs: [59_800, 0] });

    const blocked = [{ name: 'blocked', quotas: [new Quota({ limit: 2, windowMs: 300 })], throttle }];
    await store.consume('a', blocked, 1);
    world.clock.nowMs += 100;
    await store.consume('a', blocked, 1);
    expect(await store.consume('a', blocked, 1)).toMatchObject({ used: [2], retryAfterMs: 5000 });
    world.clock.nowMs += 199;
    expect(store.consume('a', blocked, 1)).toMatchObject({ used: [2], retryAfterMs: 4801 });
    world.clock.nowMs += 1;
    expect(await store.consume('a', blocked, 1)).toMatchObject({ used: [1], retryAfterMs: 4800 });
  });

  it('ignores a refusal that was asked before a reset and answered after it', async () => {
    const store = own();
    const counters = counterOf(1);
    for (let n = 0; n < 50; n++) {
      await store.reset('a');
      await store.consume('a', counters, 1);
      const refused = store.consume('a', counters, 1);
      await new Promise(setImmediate);
      await store.reset('a', 'legs');
      expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: true });
      expect(await refused).toMatchObject({ allowed: false });
    }
  });

  it('notices a reset in another process within a second', async () => {
    const store = own();
    const counters = counterOf(1);
    await store.consume('a', counters, 1);
    await store.consume('a', counters, 1);
    const other = world.store({ client: world.plain, prefix: world.prefix });
    await other.reset('a');
    await sleep(1010);
    expect((await store.consume('a', counters, 1)).allowed).toBe(true);
  });

  it('is bounded, and can be switched off', async () => {
    const store = world.store({ client: world.plain, denyCacheSize: 10 });
    const counters = counterOf(0);
    for (let n = 0; n < 50; n++) await store.consume(`a${n}`, counters, 1);
    const asked = store.consume('a0', counters, 1);
    expect(isPromise(asked)).toBe(true);
    await asked;
    expect(isPromise(store.consume('a49', counters, 1))).toBe(false);
    await store.consume('x'.repeat(257), counters, 1);
    const long = store.consume('x'.repeat(257), counters, 1);
    expect(isPromise(long)).toBe(true);
    await long;
    const without = world.store({ client: world.plain, denyCacheSize: 0 });
    await without.consume('a', counters, 1);
    const again = without.consume('a', counters, 1);
    expect(isPromise(again)).toBe(true);
    await again;
  });
});
