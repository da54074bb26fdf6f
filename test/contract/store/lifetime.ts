import { type Outcome, Quota } from '@tollgate/core';
import { expect, it } from 'vitest';
import { anyWorld } from './traces.js';
import type { StoreWorld } from './world.js';

/** What an outcome and `close` promise after the call. */
export function describeLifetime({ check, within }: StoreWorld): void {
  it('no later call changes an outcome', () =>
    check(100, anyWorld, (answered) => {
      const seen = answered.map(({ outcome }) => outcome.used);
      expect(new Set(seen).size).toBe(seen.length);
    }));

  it('`close` ends the store, and a second `close` does nothing', () =>
    within(async ({ store }) => {
      await store.close();
      await store.close();
      const counters = [{ name: 'legs', quotas: [new Quota({ limit: 1, windowMs: 1000 })] }];
      const outcome: Outcome = { allowed: true, now: 0, used: [1], resetAfterMs: [0], retryAfterMs: 0, token: 1 };
      const closed = expect.objectContaining({ code: 'TOLLGATE_CLOSED' });
      await expect((async () => store.consume('a', counters, 1))()).rejects.toEqual(closed);
      await expect((async () => store.peek('a', counters, 1))()).rejects.toEqual(closed);
      await expect((async () => store.refund('a', counters, 1, outcome))()).rejects.toEqual(closed);
      await expect((async () => store.reset('a'))()).rejects.toEqual(closed);
    }));
}
