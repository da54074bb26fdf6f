import { type Outcome, perHour, RateLimiter } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { counterOf, redisWorld } from '../store-world.js';

const world = redisWorld();

describe('batching', () => {
  it('charges of one turn leave in one call, each with its own decision', async () => {
    const store = world.store();
    const charges = Array.from({ length: 50 }, (_, n) => store.consume(`a${n}`, counterOf(5), 1 + (n % 5)));
    const outcomes = await Promise.all(charges);
    expect(outcomes.map(({ used }) => used[0])).toEqual(outcomes.map((_, n) => 1 + (n % 5)));
    expect(store.stats()).toMatchObject({ calls: 1, operations: 50, pending: 0 });
  });

  it('charges of one account are decided one by one, in their order', async () => {
    const store = world.store({ denyCacheSize: 0 });
    const counters = counterOf(10);
    const costs = [1, 1, 1, 4, 4, 1, 1, 1, 2, 1];
    const outcomes = await Promise.all(costs.map((cost) => store.consume('a', counters, cost)));
    expect(outcomes.map(({ allowed, used }) => [allowed, used[0]])).toEqual([
      [true, 1],
      [true, 2],
      [true, 3],
      [true, 7],
      [false, 7],
      [true, 8],
      [true, 9],
      [true, 10],
      [false, 10],
      [false, 10],
    ]);
    expect(store.stats().calls).toBe(1);
  });

  it('charges that arrive while a call of their account is in flight share the next one', async () => {
    const store = world.store({ denyCacheSize: 0 });
    const counters = counterOf(1000);
    const charges: (Outcome | Promise<Outcome>)[] = [];
    for (let tick = 0; tick < 20; tick++) {
      for (let n = 0; n < 10; n++) charges.push(store.consume('hot', counters, 1));
      // No socket is read before the next turn, so the first call stays in flight.
      await new Promise<void>(process.nextTick);
    }
    const outcomes = await Promise.all(charges);
    expect(outcomes.map(({ used }) => used[0])).toEqual(outcomes.map((_, n) => n + 1));
    expect(store.stats().calls).toBe(2);
  });

  it('a call is bounded in size, and the rest goes in the next one', async () => {
    const store = world.store({ maxBatch: 10 });
    await Promise.all(Array.from({ length: 95 }, (_, n) => store.consume(`a${n}`, counterOf(5), 1)));
    expect(store.stats()).toMatchObject({ calls: 10, operations: 95 });
    const counters = counterOf(1000);
    const mixed = await Promise.all(Array.from({ length: 35 }, (_, n) => store.consume('one', counters, 1 + (n % 2))));
    expect(mixed.at(-1)!.used[0]).toBe(52);
  });

  it('above maxPending a charge fails at once, and does not count', async () => {
    const store = world.store({ maxPending: 3, denyCacheSize: 0 });
    const settled = await Promise.allSettled([1, 2, 3, 4, 5].map(() => store.consume('a', counterOf(9), 1)));
    expect(settled.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect((settled[4] as PromiseRejectedResult).reason).toMatchObject({
      code: 'TOLLGATE_STORE_FAILED',
      charged: 'no',
      concerns: 'charge',
    });
    expect(store.stats().pending).toBe(0);
    expect((await store.peek('a', counterOf(9), 0)).used).toEqual([3]);
  });

  it('a burst above maxPending opens no circuit, and every charge of it is counted once', async () => {
    const store = world.store({ maxPending: 50, denyCacheSize: 0 });
    const limiter = new RateLimiter({ policy: { quotas: [perHour(1000)] }, store, timeoutMs: 5000 });
    const states: string[] = [];
    limiter.on('health', ({ state }) => states.push(state));
    const accounts = Array.from({ length: 200 }, (_, n) => `a${n}`);
    for (let burst = 1; burst <= 3; burst++) {
      const charges = accounts.map((account) => limiter.consume({ account, category: 'legs' }));
      const sources = (await Promise.all(charges)).map(({ source }) => source);
      expect(sources).toEqual(accounts.map((_, n) => (n < 50 ? 'store' : 'local')));
      await expect.poll(() => limiter.health().writeBack.written, { timeout: 5000 }).toBe(150 * burst);
      expect(store.stats().pending).toBe(0);
      for (let from = 0; from < 200; from += 50) {
        const peeks = accounts.slice(from, from + 50).map((account) => limiter.peek({ account, category: 'legs' }));
        for (const { source, tightest } of await Promise.all(peeks)) {
          expect([source, tightest?.used]).toEqual(['store', burst]);
        }
      }
    }
    expect(states).toEqual([]);
    expect(limiter.health()).toMatchObject({ state: 'up', failures: 0, writeBack: { written: 450, dropped: 0 } });
    await limiter.close();
  });

  it('refunds and records between charges take effect in order', async () => {
    const store = world.store();
    const counters = counterOf(5);
    const first = await store.consume('a', counters, 5);
    const [, second, , third] = await Promise.all([
      store.refund('a', counters, 5, first),
      store.consume('a', counters, 1),
      store.record('a', counters, 3, 10),
      store.consume('a', counters, 1),
    ]);
    expect([second.used, third.used]).toEqual([[1], [5]]);
  });

  it('close fails what was not sent, and calls in flight are answered', async () => {
    const store = world.store();
    const sent = store.consume('a', counterOf(5), 1);
    await new Promise(setImmediate);
    const unsent = expect(store.consume('a', counterOf(5), 1)).rejects.toMatchObject({ code: 'TOLLGATE_CLOSED' });
    await store.close();
    expect((await sent).allowed).toBe(true);
    await unsent;
  });
});
