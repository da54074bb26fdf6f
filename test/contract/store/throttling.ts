import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsFor } from '../../effort.js';
import { expectAllOrNothing } from './all-or-nothing.js';
import { expectAsGoodAsNew } from './bounded.js';
import { crowds, expectSameCrowds } from './crowds.js';
import { expectFullLog } from './early-refusal.js';
import { chargePick, expectExactRetry, expectNeverOnlyAboveLimit, shares } from './exact-retry.js';
import { playWithoutRefusals } from './free-refusal.js';
import { expectNeverOver } from './never-over.js';
import { describePardon } from './pardon.js';
import { type Answered, play } from './player.js';
import { expectSameRecords, steps } from './record.js';
import { expectSameAnswers } from './same-answers.js';
import { expectEndsKept, expectThrottledAsExpected } from './throttled-answers.js';
import {
  rememberedMsOf,
  steadyCommands,
  throttled,
  throttledCommands,
  variouslyThrottled,
} from './throttled-traces.js';
import { describeThrottlingSpan } from './throttling-span.js';
import {
  anyWorld,
  chargeOf,
  coarseWorld,
  commands,
  everyWorld,
  exactWorld,
  hostileWorld,
  movingWorld,
  type World,
} from './traces.js';
import { describeViolations } from './violations.js';
import { catchUp, type StoreWorld, windowOf } from './world.js';

/** The promises, where counters are throttled. */
export function describeThrottling(storeWorld: StoreWorld, { records }: { readonly records: boolean }): void {
  const { runs, within } = storeWorld;
  const check = (numRuns: number, worlds: fc.Arbitrary<World>, judge: (answered: Answered[]) => void, peeks = false) =>
    fc.assert(
      fc.asyncProperty(worlds, throttledCommands, (world, commands) =>
        within(async (under) => judge(await play(under, world, commands, { peeks }))),
      ),
      { numRuns: runs(numRuns) },
    );

  describe('throttling', () => {
    for (const [title, world, asFarAsHeld] of [
      ['exact windows', exactWorld, false],
      ['coarse slices', coarseWorld, false],
      ['windows that differ from call to call', movingWorld, true],
    ] as const) {
      it(`throttling, P1 never over: neither the full limit nor the shrunk one, with ${title}`, () =>
        check(400, fc.oneof(throttled(world), variouslyThrottled(world)), (answered) =>
          expectNeverOver(answered, asFarAsHeld),
        ));
    }

    it('throttling, P2 never early to refuse: every answer is that of a full log of admissions and violations', () =>
      check(1500, throttled(exactWorld), (answered) => {
        expectFullLog(answered);
        expectThrottledAsExpected(answered);
      }));
    it('throttling, P2 never early to refuse: begins and ends as the refusals say, whatever the windows do', () =>
      check(800, throttled(fc.oneof(coarseWorld, movingWorld, anyWorld)), (answered) => {
        expectThrottledAsExpected(answered);
        for (const { kind, counters, cost, outcome, expected, most } of answered) {
          const { allowed, used, throttledMs, resetAfterMs } = outcome;
          if (!allowed) expect(expected.limits.some((limit, index) => most[index]! + cost > limit)).toBe(true);
          const charged = kind === 'consume' && allowed ? cost : 0;
          const lengths = counters.flatMap(({ quotas }, place) =>
            quotas.map((quota) => Math.max(windowOf(quota), throttledMs?.[place] ?? 0)),
          );
          for (const [index, limit] of expected.limits.entries()) {
            if (allowed && cost > 0) expect(used[index]! - charged + cost).toBeLessThanOrEqual(limit);
            expect(used[index]! - charged).toBeGreaterThanOrEqual(expected.used[index]!);
            expect(resetAfterMs[index]).toBeLessThanOrEqual(lengths[index]!);
          }
        }
      }));

    it('throttling, P3 refusal is free: no quota changes', () =>
      check(
        200,
        fc.oneof(throttled(everyWorld), variouslyThrottled(everyWorld)),
        (answered) => {
          for (const { outcome, before, after } of answered) if (!outcome.allowed) expect(after).toEqual(before);
        },
        true,
      ));
    it('throttling, P3 refusal is free: without its refusals a trace throttles no one, and uses the same', () =>
      fc.assert(
        fc.asyncProperty(throttled(everyWorld), commands, async (world, commands) => {
          const facts = ({ place, outcome: { allowed, used } }: Answered) => ({ place, allowed, used });
          const { kept, bare } = await playWithoutRefusals(within, world, commands);
          expect(bare.map(facts)).toEqual(kept.map(facts));
          for (const { outcome } of bare) expect(outcome.throttledMs?.some((ms) => ms > 0) ?? false).toBe(false);
        }),
        { numRuns: runs(400) },
      ));

    it('throttling, P4 all or nothing: a charge is recorded in every quota of both counters or in none', () =>
      check(200, throttled(everyWorld), expectAllOrNothing, true));

    it('throttling, P5 exact retry: a refused charge is refused until retryAfterMs and admitted at it', () =>
      fc.assert(
        fc.asyncProperty(
          fc.oneof(throttled(everyWorld), variouslyThrottled(everyWorld)),
          throttledCommands,
          chargePick,
          shares,
          (world, commands, pick, shares) =>
            within(async (under) => {
              await play(under, world, commands);
              await catchUp(under);
              await expectExactRetry(under, { account: world.accounts[0]!, ...chargeOf(world, pick) }, shares);
            }),
        ),
        { numRuns: runs(800) },
      ));
    it('throttling, P5 exact retry: only a cost above the full limit can never fit', () =>
      check(400, fc.oneof(throttled(anyWorld), variouslyThrottled(anyWorld)), (answered) => {
        for (const one of answered) expectNeverOnlyAboveLimit(one);
      }));
    it('throttling, P5 exact retry: an end that was told is kept, whatever violations and throttles come', () =>
      fc.assert(
        fc.asyncProperty(variouslyThrottled(everyWorld), steadyCommands, (world, commands) =>
          within(async (under) => expectEndsKept(await play(under, world, commands))),
        ),
        { numRuns: runs(400) },
      ));

    it('throttling, P7 same answers: a trace has the answers that it has in memory', () =>
      fc.assert(
        fc.asyncProperty(
          fc.oneof(throttled(everyWorld), variouslyThrottled(everyWorld)),
          throttledCommands,
          (world, commands) => within((under) => expectSameAnswers(under, world, commands)),
        ),
        { numRuns: runsFor(400) },
      ));
    it('throttling, P7 same answers: and charges that are all under way at once come to the same', () =>
      fc.assert(
        fc.asyncProperty(throttled(everyWorld), crowds, (world, crowds) =>
          within((under) => expectSameCrowds(under, world, crowds)),
        ),
        { numRuns: runs(300) },
      ));
    if (records) {
      it('throttling, P7 same answers: and so where admissions of the past are recorded', () =>
        fc.assert(
          fc.asyncProperty(throttled(everyWorld), steps, (world, steps) =>
            within((under) => expectSameRecords(under, world, steps)),
          ),
          { numRuns: runs(300) },
        ));
    }

    it('throttling, P8 bounded: once nothing is remembered any more, a counter is as good as new', () =>
      fc.assert(
        fc.asyncProperty(throttled(exactWorld), throttledCommands, throttledCommands, (world, first, second) =>
          expectAsGoodAsNew(storeWorld, world, first, rememberedMsOf(world), second),
        ),
        { numRuns: runs(400) },
      ));

    it('throttling, names: hostile ones have their own violations', () =>
      check(400, throttled(hostileWorld), expectThrottledAsExpected));

    describeThrottlingSpan(storeWorld);
    describeViolations(storeWorld);
    describePardon(storeWorld);
  });
}
