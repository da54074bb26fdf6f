import { Quota } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answered } from './player.js';
import { costsOf } from './throttle-oracle.js';
import { anyWorld, coarseWorld, exactWorld, movingWorld } from './traces.js';
import { limitsOf, type StoreWorld, timeOf, windowOf } from './world.js';

/** P2: a charge that fits is admitted. With slices, room may return late by less than one slice. */
export function describeEarlyRefusal({ check, runs, within }: StoreWorld): void {
  describe('P2 never early to refuse', () => {
    it('with limits up to `slices`, every answer equals that of a full log', () =>
      check(1000, exactWorld, expectFullLog));
    for (const [title, world] of [
      ['with limits above `slices`, room returns less than one slice late', coarseWorld],
      [
        'when windows differ from call to call, room returns no later than the slices of the old window allow',
        movingWorld,
      ],
      ['when windows, limits and slices differ from call to call, room returns at most one window late', anyWorld],
    ] as const) {
      it(title, () =>
        check(600, world, (answered) => {
          for (const { counters, cost, outcome, expected, kind, most } of answered) {
            const limits = limitsOf(counters);
            if (!outcome.allowed) {
              expect(limits.some((limit, index) => most[index]! + cost > limit)).toBe(true);
            }
            const charged = kind === 'consume' && outcome.allowed ? cost : 0;
            const lengths = counters.flatMap(({ quotas }) => quotas.map(windowOf));
            for (const [index, used] of outcome.used.entries()) {
              expect(outcome.resetAfterMs[index]! > 0).toBe(used > 0 && limits[index]! > 0);
              expect(outcome.resetAfterMs[index]).toBeLessThanOrEqual(lengths[index]!);
              expect(used - charged).toBeGreaterThanOrEqual(expected.used[index]!);
              expect(used - charged).toBeLessThanOrEqual(most[index]!);
            }
          }
        }),
      );
    }
    it('a steady trickle into the newest slice is not refused early', () =>
      fc.assert(
        fc.asyncProperty(
          fc.record({
            limit: fc.integer({ min: 9, max: 20 }),
            slices: fc.integer({ min: 2, max: 8 }),
            windowMs: fc.constantFrom(100, 1000, 60_000),
          }),
          fc.array(fc.nat(100), { minLength: 20, maxLength: 80, size: 'max' }),
          (options, waits) =>
            within(async (under) => {
              const quota = new Quota(options);
              const admitted: number[] = [];
              for (const wait of waits) {
                await timeOf(under).advance(Math.floor((wait * quota.sliceMs) / 80));
                const { allowed, now } = await under.store.consume('a', [{ name: 'legs', quotas: [quota] }], 1);
                const from = now - quota.windowMs - quota.sliceMs;
                if (allowed) admitted.push(now);
                else expect(admitted.filter((at) => at > from).length).toBeGreaterThanOrEqual(quota.limit);
              }
            }),
        ),
        { numRuns: runs(200) },
      ));
    it('a cost of 0 is always admitted and changes nothing', () => check(400, anyWorld, freeOfCharge, true));
  });
}

/** Every answer equals that of the oracle. */
export function expectFullLog(answered: readonly Answered[]): void {
  for (const { counters, outcome, expected, cost, kind } of answered) {
    const costs = costsOf(counters, cost);
    const isCharged = kind === 'consume' && expected.allowed;
    expect(outcome).toMatchObject({
      allowed: expected.allowed,
      used: expected.used.map((used, index) => used + (isCharged ? costs[index]! : 0)),
      retryAfterMs: expected.retryAfterMs,
      resetAfterMs: expected.resetAfterMs,
    });
  }
}

function freeOfCharge(answered: readonly Answered[]): void {
  for (const { cost, outcome, before, after } of answered) {
    if (cost > 0) continue;
    expect(outcome).toMatchObject({ allowed: true, retryAfterMs: 0 });
    expect(after).toEqual(before);
  }
}
