import { Quota } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { expectNeverOver } from './never-over.js';
import { exactWorld } from './traces.js';
import { type StoreWorld, timeOf } from './world.js';

/** P6: a store's time never goes back, and windows are exact to the millisecond. */
export function describeTime({ check, within }: StoreWorld): void {
  describe('P6 time', () => {
    it('after its clock steps back, a store stays at the latest instant and admits nothing extra', () =>
      check(600, exactWorld, (answered) => {
        const first = answered[0];
        for (const { outcome, elapsed } of answered) {
          expect(outcome.now).toBe(first!.outcome.now + elapsed - first!.elapsed);
          expect(Number.isInteger(outcome.now)).toBe(true);
        }
        expectNeverOver(answered);
      }));
    it.each([100, 2_678_400_000])('a window of %d ms is exact to the millisecond', (windowMs) =>
      within(async (under) => {
        const counters = [{ name: 'legs', quotas: [new Quota({ limit: 2, windowMs })] }];
        const { store } = under;
        expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: true, resetAfterMs: [windowMs] });
        await timeOf(under).advance(windowMs - 1);
        expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: true, used: [2], resetAfterMs: [1] });
        expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: false, retryAfterMs: 1 });
        await timeOf(under).advance(1);
        expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: true, used: [2] });
        await timeOf(under).advance(windowMs - 2);
        expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: false, retryAfterMs: 1 });
        await timeOf(under).advance(2);
        expect(await store.peek('a', counters, 2)).toMatchObject({ allowed: true, used: [0], resetAfterMs: [0] });
      }),
    );
  });
}
