import { Quota } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answered } from './player.js';
import { costsOf } from './throttle-oracle.js';
import { anyWorld, coarseWorld, exactWorld } from './traces.js';
import { type StoreWorld, timeOf } from './world.js';

/** P4: a charge counts in every quota or in none. */
export function describeAllOrNothing({ check, within }: StoreWorld): void {
  describe('P4 all or nothing', () => {
    it('a charge counts in every quota of both counters, or in none', () =>
      check(300, fc.oneof(exactWorld, coarseWorld, anyWorld), expectAllOrNothing, true));
    it('a longer window that a later charge names starts with what still counts in the shorter one', () =>
      within(async (under) => {
        const short = [{ name: 'legs', quotas: [new Quota({ limit: 1, windowMs: 100 })] }];
        const long = [{ name: 'legs', quotas: [new Quota({ limit: 2, windowMs: 60_000 })] }];
        const { store } = under;
        const outcome = await store.consume('a', long, 1);
        await store.refund('a', long, 1, outcome);
        await store.consume('a', short, 1);
        expect(await store.peek('a', long, 0)).toMatchObject({ used: [1], resetAfterMs: [100] });
        await timeOf(under).advance(59_999);
        expect(await store.peek('a', long, 0)).toMatchObject({ used: [0], resetAfterMs: [0] });
        expect(await store.consume('a', long, 1)).toMatchObject({ used: [1] });
        expect(await store.peek('a', long, 0)).toMatchObject({ used: [1] });
      }));
    it('when one of two counters is full, the other one stays unchanged', () =>
      within(async ({ store }) => {
        const legs = { name: 'legs', quotas: [new Quota({ limit: 5, windowMs: 1000 })] };
        const total = { name: '*', quotas: [new Quota({ limit: 2, windowMs: 60_000 })] };
        for (const pair of [
          [legs, total],
          [total, legs],
        ]) {
          await store.reset('a');
          expect(await store.consume('a', pair, 2)).toMatchObject({ allowed: true, used: [2, 2] });
          expect(await store.consume('a', pair, 1)).toMatchObject({ allowed: false, used: [2, 2] });
          expect(await store.peek('a', [legs], 0)).toMatchObject({ used: [2] });
        }
      }));
  });
}

/** In a trace played with peeks, an admitted charge counts in every quota of its counters, and no other call counts. */
export function expectAllOrNothing(answered: readonly Answered[]): void {
  for (const { kind, counters, cost, outcome, before, after } of answered) {
    const costs = costsOf(counters, cost);
    const isCharged = kind === 'consume' && outcome.allowed;
    expect(after).toEqual(before.map((used, index) => used + (isCharged ? costs[index]! : 0)));
    expect(outcome.used).toEqual(after);
  }
}
