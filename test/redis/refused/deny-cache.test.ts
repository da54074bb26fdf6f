import { setTimeout as sleep } from 'node:timers/promises';
import { isPromise } from '@tollgate/core/kit';
import { describe, expect, it } from 'vitest';
import { counterOf, redisWorld } from '../store-world.js';

const world = redisWorld();
const own = () => world.store({ client: world.plain });

describe('the deny cache', () => {
  it('refuses at once, without asking Redis, what Redis has just refused', async () => {
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

  it('is exact: refused until the wait is over, admitted from then on', async () => {
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
    // Waited exactly as long as was said, by a refusal out of the cache.
    await store.consume('b', counters, 1);
    await store.consume('b', counters, 1);
    const cached = await store.consume('b', counters, 1);
    await sleep(cached.retryAfterMs + 1);
    expect((await store.consume('b', counters, 1)).allowed).toBe(true);
  });

  it('asks for a lower cost, which may fit, and for other counters', async () => {
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

  it('does not believe a refusal that was asked before a reset and answered after it', async () => {
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

  it('learns within a second of a reset in another process', async () => {
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
