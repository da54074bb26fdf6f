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

/** Time that only the test moves, timers and clocks alike. Call it in a `describe`. */
export function heldTime(): void {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

/** What a `setImmediate` takes of held time. */
export const IMMEDIATE_MS = 1;

/** Lets so much time pass, and whatever happens in it. */
export async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** A limiter on a store that can fail, with a limit that is the same here and there unless the policy says otherwise. */
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
  /** A charge whose decision is there after so much time at the latest. */
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
  /** What the store itself has counted. */
  const stored = (account = 'ameyo5m'): number => {
    const [quota] = [perHour(3)];
    return store.memory.peek(account, [{ name: 'legs', quotas: [quota!] }], 0).used[0]!;
  };
  /** Fails so often that the circuit opens. */
  const goDown = async (account = 'ameyo5m') => {
    store.manner = 'unknown';
    for (let failures = 0; failures < 5; failures++) await consume(0, account);
    store.asked.length = 0;
  };
  return { consume, goDown, limiter, local, store, stored, within };
}
