import { Quota } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import type { Answered } from './player.js';
import { anyWorld, coarseWorld, exactWorld, movingWorld } from './traces.js';
import type { StoreWorld } from './world.js';

/** P1: no window ever admits more than its limit. */
export function describeNeverOver({ check, within }: StoreWorld): void {
  describe('P1 never over', () => {
    it('P1 never over: in no rolling window is more admitted than the limit that was asked for', () =>
      check(600, exactWorld, (answered) => expectNeverOver(answered)));
    it('P1 never over: nor with coarse slices', () => check(600, coarseWorld, (answered) => expectNeverOver(answered)));
    it('P1 never over: nor when windows differ from call to call, as far as the counter reaches back', () =>
      check(600, movingWorld, (answered) => expectNeverOver(answered, true)));
    it('P1 never over: nor when windows, limits and slices all do', () =>
      check(600, anyWorld, (answered) => expectNeverOver(answered, true)));
    it('P1 never over: nor with charges that are all under way at once', () =>
      within(async ({ store }) => {
        const counters = [{ name: 'legs', quotas: [new Quota({ limit: 7, windowMs: 60_000 })] }];
        const outcomes = await Promise.all(Array.from({ length: 20 }, () => store.consume('a', counters, 2)));
        expect(outcomes.filter(({ allowed }) => allowed)).toHaveLength(3);
      }));
  });
}

/**
 * At each admission, what its counter had admitted in each of its windows, itself included, is at most the limit that it
 * was admitted under: the shrunk one where the answer says that the counter is throttled. With `asFarAsHeld`, what the counter cannot know by contract is left out.
 */
export function expectNeverOver(answered: readonly Answered[], asFarAsHeld = false): void {
  const admitted = answered.filter(({ kind, outcome, cost }) => kind === 'consume' && outcome.allowed && cost > 0);
  for (const [index, charge] of admitted.entries()) {
    let at = 0;
    for (const [place, { name, quotas, throttle }] of charge.counters.entries()) {
      const throttled = throttle !== undefined && (charge.outcome.throttledMs?.[place] ?? 0) > 0;
      const earlier = admitted
        .slice(0, index + 1)
        .filter(
          (one) =>
            one.account === charge.account &&
            one.counters.some((counter) => counter.name === name) &&
            one.refundedFrom > charge.place &&
            (one.forgottenFrom.get(name) ?? Number.POSITIVE_INFINITY) > charge.place,
        );
      for (const { limit, windowMs } of quotas) {
        const from = charge.outcome.now - windowMs;
        const since = asFarAsHeld ? Math.max(from, charge.holdsSince[at]!) : from;
        const counted = earlier.filter((one) => one === charge || one.outcome.now > since);
        expect(counted.reduce((sum, { cost }) => sum + cost, 0)).toBeLessThanOrEqual(
          throttled ? throttle.limitOf(limit) : limit,
        );
        at++;
      }
    }
  }
}
