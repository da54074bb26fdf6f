import type { PolicyOptions } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsFor } from '../../effort.js';
import type { StoreUnderTest } from '../store/player.js';
import { ChangingLimiter } from './changing-limiter.js';

const LIMIT = 4;
const WINDOW_MS = 10_000;

const other = fc.record({
  limit: fc.integer({ min: 1, max: 9 }),
  windowMs: fc.constantFrom(1000, 5000, 30_000, 60_000),
});
const quotas = fc.uniqueArray(other, { selector: ({ windowMs }) => windowMs, maxLength: 3 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('charge' as const), cost: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 1000, 4999, 5000, 9999, 10_000) }),
  fc.record({ kind: fc.constant('change' as const), quotas, planned: fc.boolean() }),
);

/** A quota that every policy has is never exceeded, whatever else changes. */
export function describeLastingQuota(makeStore: () => StoreUnderTest, numRuns: number): void {
  const policyOf = (others: PolicyOptions['quotas'] & object, planned: boolean): PolicyOptions => {
    const lasting = [...others, { limit: LIMIT, windowMs: WINDOW_MS }];
    return planned ? { quotas: 'unlimited', plans: { gold: { quotas: lasting } } } : { quotas: lasting };
  };

  describe('a quota that all policies have', () => {
    it('is never exceeded, whatever else changes, and refuses no charge that fits', () =>
      fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) =>
          ChangingLimiter.use(makeStore, policyOf([], false), async (changing) => {
            const admitted: { readonly at: number; readonly cost: number }[] = [];
            let now = 0;
            for (const step of steps) {
              if (step.kind === 'change') {
                changing.limiter.setPolicy(policyOf(step.quotas, step.planned));
                continue;
              }
              if (step.kind === 'wait') {
                now += step.ms;
                await changing.moveTo(now);
                continue;
              }
              const { allowed, quotas } = await changing.charge(step.cost, { plan: 'gold' });
              if (allowed) admitted.push({ at: now, cost: step.cost });
              const inWindow = admitted.filter(({ at }) => at > now - WINDOW_MS);
              const used = inWindow.reduce((sum, { cost }) => sum + cost, 0);
              expect(used).toBeLessThanOrEqual(LIMIT);
              expect(quotas.find(({ windowMs }) => windowMs === WINDOW_MS)).toMatchObject({ used });
              const hasRoom = quotas.every(({ limit, used }) => used + step.cost <= limit);
              if (!allowed) expect(hasRoom).toBe(false);
            }
          }),
        ),
        { numRuns: runsFor(numRuns) },
      ));
  });
}
