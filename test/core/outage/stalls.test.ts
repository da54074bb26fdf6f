import { MemoryStore, type Outcome, perHour, RateLimiter, type Store } from '@tollgate/core';
import { expect, it, onTestFinished } from 'vitest';
import { FailingStore } from '../failing-store.js';
import { CHARGE } from '../failing-world.js';

/** Keeps the process busy, as a long computation in a handler does. */
function stall(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

function limiterOn(store: Store): RateLimiter {
  const limiter = new RateLimiter({ policy: { quotas: [perHour(1000)] }, store, timeoutMs: 50 });
  onTestFinished(() => void limiter.close());
  return limiter;
}

/** Answers a few turns of the event loop after it was asked, as a store behind a socket does. */
function distant(): Store {
  const memory = new MemoryStore();
  const consume = async (...args: Parameters<Store['consume']>): Promise<Outcome> => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    return memory.consume(...args);
  };
  return { consume, peek: memory.peek.bind(memory), refund: () => {}, reset: () => {}, close: () => memory.close() };
}

it('a stall of the process in the tick of a charge is not blamed on the store', async () => {
  const limiter = limiterOn(distant());
  for (let round = 0; round < 20; round++) {
    const charges = Array.from({ length: 10 }, () => limiter.consume(CHARGE));
    stall(120);
    for (const { source } of await Promise.all(charges)) expect(source).toBe('store');
  }
  expect(limiter.health()).toMatchObject({ state: 'up', failures: 0 });
});

it('a busy process still decides without a silent store, after a few turns of its event loop', async () => {
  const store = new FailingStore();
  store.manner = 'hang';
  const limiter = limiterOn(store);
  const waiting = Promise.all(Array.from({ length: 10 }, () => limiter.consume(CHARGE)));
  let stalls = 0;
  const busy = setInterval(() => {
    stalls++;
    stall(30);
  }, 1);
  const decisions = await waiting;
  clearInterval(busy);
  expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(['local']));
  // Each step of the deadline counts once at least, and there are four.
  expect(stalls).toBeLessThan(10);
  expect(limiter.health().state).toBe('down');
});
