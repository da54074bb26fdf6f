import { type CounterSpec, Quota } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyWorld, coarseWorld, exactWorld } from './traces.js';
import { type StoreWorld, timeOf } from './world.js';

/** A refund takes back the cost of one charge that still counts, and nothing else. */
export function describeRefund({ check, within }: StoreWorld): void {
  describe('refund', () => {
    it('a refund never makes more room than its charge had taken', () =>
      check(600, fc.oneof(exactWorld, coarseWorld, anyWorld), (answered) => {
        for (const { kind, outcome, expected, cost } of answered) {
          const charged = kind === 'consume' && outcome.allowed ? cost : 0;
          for (const [index, used] of outcome.used.entries()) {
            expect(used - charged).toBeGreaterThanOrEqual(expected.used[index]!);
          }
        }
      }));

    const quotas = [new Quota({ limit: 3, windowMs: 1000 }), new Quota({ limit: 9, windowMs: 60_000 })];
    const counters = [{ name: 'legs', quotas }];

    it('a refund takes the cost back in every window where it still counts', () =>
      within(async (under) => {
        const outcome = await under.store.consume('a', counters, 3);
        await timeOf(under).advance(1000);
        expect(await under.store.consume('a', counters, 1)).toMatchObject({ used: [1, 4] });
        await under.store.refund('a', counters, 3, outcome);
        expect(await under.store.peek('a', counters, 0)).toMatchObject({ used: [1, 1] });
      }));
    it('a refund does not change a window that started after its charge had left', () =>
      within(async (under) => {
        const outcome = await under.store.consume('a', counters, 2);
        await timeOf(under).advance(60_000);
        await under.store.consume('a', counters, 3);
        await under.store.refund('a', counters, 2, outcome);
        expect(await under.store.peek('a', counters, 0)).toMatchObject({ used: [3, 3] });
      }));
    it.each([
      ['of the counter', 'legs'],
      ['of the account', undefined],
    ])('a refund does not change a counter that started again after a reset %s', (_, name) =>
      within(async ({ store }) => {
        const outcome = await store.consume('a', counters, 2);
        await (name === undefined ? store.reset('a') : store.reset('a', name));
        await store.refund('a', counters, 2, outcome);
        expect(await store.peek('a', counters, 0)).toMatchObject({ used: [0, 0] });
        await store.consume('a', counters, 3);
        await store.refund('a', counters, 2, outcome);
        expect(await store.peek('a', counters, 0)).toMatchObject({ used: [3, 3] });
      }),
    );
    it('a refund takes the cost back from one counter after a reset of the other', () =>
      within(async ({ store }) => {
        const both: CounterSpec[] = [...counters, { name: '*', quotas }];
        const outcome = await store.consume('a', both, 2);
        await store.reset('a', '*');
        await store.consume('a', both, 1);
        await store.refund('a', both, 2, outcome);
        expect(await store.peek('a', both, 0)).toMatchObject({ used: [1, 1, 1, 1] });
      }));
    it('a refund of a later charge does not move the earlier one', () =>
      within(async (under) => {
        await under.store.consume('a', counters, 1);
        await timeOf(under).advance(400);
        const outcome = await under.store.consume('a', counters, 2);
        await under.store.refund('a', counters, 2, outcome);
        expect(await under.store.peek('a', counters, 0)).toMatchObject({ used: [1, 1], resetAfterMs: [600, 59_600] });
      }));
  });
}
