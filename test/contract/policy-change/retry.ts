import { Quota } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsFor } from '../../effort.js';
import type { StoreUnderTest } from '../store/player.js';

const quota = fc.record({
  limit: fc.integer({ min: 1, max: 6 }),
  windowMs: fc.constantFrom(500, 1000, 5000, 60_000, 3_600_000),
});
const quotas = fc.uniqueArray(quota, { selector: ({ windowMs }) => windowMs, minLength: 1, maxLength: 3 });
const charge = fc.record({
  cost: fc.integer({ min: 1, max: 3 }),
  waitMs: fc.constantFrom(0, 1, 400, 999, 4000, 30_000),
});

/** A retry time is exact also where the quotas have changed since the admissions, whose windows may be shorter. */
export function describeRetryAfterChange(makeStore: () => StoreUnderTest, numRuns: number): void {
  describe('a retry time under other quotas', () => {
    it('is exact: refused at every instant before it and admitted at it, and `peek` says the same', () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(quotas, charge), { minLength: 1, maxLength: 8 }),
          quotas,
          fc.integer({ min: 1, max: 6 }),
          fc.array(fc.nat(), { maxLength: 3 }),
          async (before, later, cost, picks) => {
            const { store, time, stop } = makeStore();
            const counters = (list: typeof later) => [{ name: 'legs', quotas: list.map((one) => new Quota(one)) }];
            const asked = counters(later);
            try {
              for (const [list, { cost, waitMs }] of before) {
                await store.consume('ameyo5m', counters(list), cost);
                await time!.advance(waitMs);
              }
              const peeked = await store.peek('ameyo5m', asked, cost);
              const { allowed, retryAfterMs, used, resetAfterMs } = await store.consume('ameyo5m', asked, cost);
              expect(peeked).toMatchObject({ allowed, retryAfterMs });
              if (allowed || retryAfterMs === Number.POSITIVE_INFINITY) return;
              expect(peeked).toMatchObject({ used, resetAfterMs });
              let passedMs = 0;
              for (const pick of [...picks.map((pick) => pick % retryAfterMs), retryAfterMs - 1].sort(
                (a, b) => a - b,
              )) {
                await time!.advance(pick - passedMs);
                passedMs = pick;
                const retried = await store.consume('ameyo5m', asked, cost);
                expect(retried).toMatchObject({ allowed: false, retryAfterMs: retryAfterMs - passedMs });
              }
              await time!.advance(1);
              expect(await store.consume('ameyo5m', asked, cost)).toMatchObject({ allowed: true });
            } finally {
              await stop();
            }
          },
        ),
        { numRuns: runsFor(numRuns) },
      ));

    it('of a longer window is that of the window which the counter has, until a charge is admitted', async () => {
      const { store, time, stop } = makeStore();
      const of = (limit: number, windowMs: number) => [{ name: 'legs', quotas: [new Quota({ limit, windowMs })] }];
      try {
        await store.consume('ameyo5m', of(3, 60_000), 3);
        await time!.advance(10_000);
        const refused = await store.consume('ameyo5m', of(4, 3_600_000), 2);
        expect(refused).toMatchObject({ allowed: false, retryAfterMs: 50_000, used: [3], resetAfterMs: [50_000] });
        const admitted = await store.consume('ameyo5m', of(4, 3_600_000), 1);
        expect(admitted).toMatchObject({ allowed: true, used: [4], resetAfterMs: [3_590_000] });
        const again = await store.consume('ameyo5m', of(4, 3_600_000), 2);
        expect(again).toMatchObject({ allowed: false, retryAfterMs: 3_590_000, resetAfterMs: [3_590_000] });
      } finally {
        await stop();
      }
    });
  });
}
