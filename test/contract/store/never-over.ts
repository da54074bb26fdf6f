import { Quota } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import type { Answered } from './player.js';
import { costOn } from './throttle-oracle.js';
import { anyWorld, coarseWorld, exactWorld, movingWorld } from './traces.js';
import type { StoreWorld } from './world.js';

/** P1: no window admits more than its limit. */
export function describeNeverOver({ check, within }: StoreWorld): void {
  describe('P1 never over', () => {
    it('no rolling window admits more than the limit of the charge', () =>
      check(600, exactWorld, (answered) => expectNeverOver(answered)));
    it('no window admits more than its limit with coarse slices', () =>
      check(600, coarseWorld, (answered) => expectNeverOver(answered)));
    it('no window admits more than its limit when windows differ from call to call', () =>
      check(600, movingWorld, (answered) => expectNeverOver(answered, true)));
    it('no window admits more than its limit when windows, limits and slices differ from call to call', () =>
      check(600, anyWorld, (answered) => expectNeverOver(answered, true)));
    it('charges that are all pending at once do not exceed the limit', () =>
      within(async ({ store }) => {
        const counters = [{ name: 'legs', quotas: [new Quota({ limit: 7, windowMs: 60_000 })] }];
        const outcomes = await Promise.all(Array.from({ length: 20 }, () => store.consume('a', counters, 2)));
        expect(outcomes.filter(({ allowed }) => allowed)).toHaveLength(3);
      }));
  });
}

/**
 * At each admission, the admitted cost in each window of its counter is at most the limit, the admission included.
 * Where the answer says that the counter is throttled, that is the shrunk limit. With `onlyStored`, admissions that the
 * contract lets the counter forget do not count.
 */
export function expectNeverOver(answered: readonly Answered[], onlyStored = false): void {
  const admitted = answered.filter(({ kind, outcome, cost }) => kind === 'consume' && outcome.allowed && cost > 0);
  for (const [index, charge] of admitted.entries()) {
    let at = 0;
    for (const [place, { name, quotas, throttle, account: owner = charge.account }] of charge.counters.entries()) {
      // A counter on which the charge costs nothing never refuses it, also where a lower limit than before is exceeded.
      if (costOn(charge.counters[place]!, charge.cost) === 0) {
        at += quotas.length;
        continue;
      }
      const throttled = throttle !== undefined && (charge.outcome.throttledMs?.[place] ?? 0) > 0;
      const earlier = admitted
        .slice(0, index + 1)
        .filter((one) => one.refundedFrom > charge.place)
        .flatMap((one) =>
          one.counters
            .filter((counter) => (counter.account ?? one.account) === owner && counter.name === name)
            .filter((counter) => (one.forgottenFrom.get(counter) ?? Number.POSITIVE_INFINITY) > charge.place)
            .map((counter) => ({ one, cost: costOn(counter, one.cost) })),
        );
      for (const { limit, windowMs } of quotas) {
        const from = charge.outcome.now - windowMs;
        const since = onlyStored ? Math.max(from, charge.completeSince[at]!) : from;
        const counted = earlier.filter(({ one }) => one === charge || one.outcome.now > since);
        expect(counted.reduce((sum, { cost }) => sum + cost, 0)).toBeLessThanOrEqual(
          throttled ? throttle.limitOf(limit) : limit,
        );
        at++;
      }
    }
  }
}
