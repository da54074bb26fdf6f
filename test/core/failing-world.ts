import {
  type Charge,
  type Decision,
  MemoryStore,
  type PolicyOptions,
  perHour,
  RateLimiter,
  type RateLimiterOptions,
} from '@tollgate/core';
import { afterEach, beforeEach, vi } from 'vitest';
import { FailingStore } from './failing-store.js';

export const CHARGE: Charge = { account: 'ameyo5m', category: 'legs' };

/** Only the test moves timers and clocks. Call it in a `describe`. */
export function fakeTime(): void {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

/** How much fake time a `setImmediate` takes. */
export const IMMEDIATE_MS = 1;

/** Advances the time, and runs the timers that are due. */
export async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** A limiter on a store that can fail. The limit is the same in the store and in this process by default. */
export function failingWorld(
  policy: Partial<PolicyOptions> = {},
  options: Partial<RateLimiterOptions> = {},
  store: FailingStore = new FailingStore(),
) {
  const local = new MemoryStore();
  const limiter = new RateLimiter({
    policy: { quotas: [perHour(3)], ...policy },
    store,
    localStore: local,
    ...options,
  });
  const consume = async (cost = 1, account = 'ameyo5m') => limiter.consume({ ...CHARGE, account, cost } as Charge);
  /** Returns the decision. Fails if it takes more than `ms`. */
  const within = async (ms: number, decision: Promise<Decision>): Promise<Decision> => {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    decision.then(mark, mark);
    await pass(0);
    if (!settled) await pass(ms + IMMEDIATE_MS);
    if (!settled) throw new Error(`no decision within ${ms} ms`);
    return decision;
  };
  /** The used cost in the store. */
  const stored = (account = 'ameyo5m'): number => {
    const [quota] = [perHour(3)];
    return store.memory.peek(account, [{ name: 'legs', quotas: [quota!] }], 0).used[0]!;
  };
  /** Lets the store fail until the circuit opens. */
  const goDown = async (account = 'ameyo5m') => {
    store.manner = 'unknown';
    for (let failures = 0; failures < 5; failures++) await consume(0, account);
    store.asked.length = 0;
  };
  return { consume, goDown, limiter, local, store, stored, within };
}
