import type { CounterSpec } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answered, type Charge, play, type StoreUnderTest } from './player.js';
import { costsOf } from './throttle-oracle.js';
import { anyWorld, type ChargePick, chargeOf, commands, everyWorld } from './traces.js';
import { catchUp, limitsOf, type StoreWorld, timeOf } from './world.js';

/** P5: a refusal names the first instant at which the same charge is admitted. */
export function describeExactRetry({ check, runs, within }: StoreWorld): void {
  describe('P5 exact retry', () => {
    it('a refused charge is refused before `retryAfterMs` and admitted at it', () =>
      fc.assert(
        fc.asyncProperty(everyWorld, commands, chargePick, shares, (world, commands, pick, shares) =>
          within(async (under) => {
            await play(under, world, commands);
            await catchUp(under);
            await expectExactRetry(under, { account: world.accounts[0]!, ...chargeOf(world, pick) }, shares);
          }),
        ),
        { numRuns: runs(800) },
      ));
    it('only a cost above a limit is refused without a time to retry', () =>
      check(400, anyWorld, (answered) => {
        for (const one of answered) expectNeverOnlyAboveLimit(one);
      }));
  });
}

export function expectNeverOnlyAboveLimit({ counters, cost, outcome }: Answered): void {
  const never = neverFits(counters, cost);
  expect(outcome.retryAfterMs === Number.POSITIVE_INFINITY).toBe(never);
  expect(outcome.retryAfterMs === 0).toBe(outcome.allowed);
}

export const chargePick: fc.Arbitrary<ChargePick> = fc.record({
  counter: fc.nat(1),
  both: fc.boolean(),
  lists: fc.tuple(fc.nat(11), fc.nat(11)),
  cost: fc.integer({ min: 1, max: 60 }),
});

/** Shares of a wait at which a test peeks. */
export const shares: fc.Arbitrary<number[]> = fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), {
  maxLength: 6,
});

/** Charges until a refusal, peeks at each given share of the wait, and charges again at its end. */
export async function expectExactRetry(
  under: StoreUnderTest,
  charge: Charge,
  shares: readonly number[],
): Promise<void> {
  const { store } = under;
  const { account, counters, cost } = charge;
  let outcome = await store.consume(account, counters, cost);
  while (outcome.allowed && cost > 0) outcome = await store.consume(account, counters, cost);
  const { retryAfterMs } = outcome;
  if (cost === 0 || neverFits(counters, cost)) {
    expect(retryAfterMs).toBe(cost === 0 ? 0 : Number.POSITIVE_INFINITY);
    return;
  }
  expect(retryAfterMs).toBeGreaterThan(0);
  const waits = [0, 1, retryAfterMs - 1, ...shares.map((share) => Math.floor(share * retryAfterMs))];
  let waited = 0;
  for (const wait of waits.filter((wait) => wait < retryAfterMs).sort((a, b) => a - b)) {
    await timeOf(under).advance(wait - waited);
    waited = wait;
    const peeked = await store.peek(account, counters, cost);
    expect(peeked).toMatchObject({ allowed: false, retryAfterMs: retryAfterMs - waited });
  }
  await timeOf(under).advance(retryAfterMs - waited);
  expect((await store.peek(account, counters, cost)).allowed).toBe(true);
  expect((await store.consume(account, counters, cost)).allowed).toBe(true);
}

function neverFits(counters: readonly CounterSpec[], cost: number): boolean {
  const costs = costsOf(counters, cost);
  return limitsOf(counters).some((limit, index) => costs[index]! > limit);
}
