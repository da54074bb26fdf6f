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

/** The promises with throttled counters. */
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
    for (const [title, world, onlyStored] of [
      ['exact windows', exactWorld, false],
      ['coarse slices', coarseWorld, false],
      ['windows that differ from call to call', movingWorld, true],
    ] as const) {
      it(`P1 never over: no window admits more than its full or shrunk limit, with ${title}`, () =>
        check(400, fc.oneof(throttled(world), variouslyThrottled(world)), (answered) =>
          expectNeverOver(answered, onlyStored),
        ));
    }

    it('P2 never early to refuse: every answer equals that of a full log of admissions and violations', () =>
      check(1500, throttled(exactWorld), (answered) => {
        expectFullLog(answered);
        expectThrottledAsExpected(answered);
      }));
    it('P2 never early to refuse: throttlings begin and end as in the oracle, with windows of any kind', () =>
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

    it('P3 refusal is free: a refused charge changes no quota', () =>
      check(
        200,
        fc.oneof(throttled(everyWorld), variouslyThrottled(everyWorld)),
        (answered) => {
          for (const { outcome, before, after } of answered) if (!outcome.allowed) expect(after).toEqual(before);
        },
        true,
      ));
    it('P3 refusal is free: a trace without its refusals has no throttling and the same used costs', () =>
      fc.assert(
        fc.asyncProperty(throttled(everyWorld), commands, async (world, commands) => {
          const facts = ({ place, outcome: { allowed, used } }: Answered) => ({ place, allowed, used });
          const { kept, bare } = await playWithoutRefusals(within, world, commands);
          expect(bare.map(facts)).toEqual(kept.map(facts));
          for (const { outcome } of bare) expect(outcome.throttledMs?.some((ms) => ms > 0) ?? false).toBe(false);
        }),
        { numRuns: runs(400) },
      ));

    it('P4 all or nothing: a charge counts in every quota of both counters, or in none', () =>
      check(200, throttled(everyWorld), expectAllOrNothing, true));

    it('P5 exact retry: a refused charge is refused before `retryAfterMs` and admitted at it', () =>
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
    it('P5 exact retry: only a cost above the full limit is refused without a time to retry', () =>
      check(400, fc.oneof(throttled(anyWorld), variouslyThrottled(anyWorld)), (answered) => {
        for (const one of answered) expectNeverOnlyAboveLimit(one);
      }));
    it('P5 exact retry: no later violation or throttle moves the end of a throttling', () =>
      fc.assert(
        fc.asyncProperty(variouslyThrottled(everyWorld), steadyCommands, (world, commands) =>
          within(async (under) => expectEndsKept(await play(under, world, commands))),
        ),
        { numRuns: runs(400) },
      ));

    it('P7 same answers: a trace has the same answers as in memory', () =>
      fc.assert(
        fc.asyncProperty(
          fc.oneof(throttled(everyWorld), variouslyThrottled(everyWorld)),
          throttledCommands,
          (world, commands) => within((under) => expectSameAnswers(under, world, commands)),
        ),
        { numRuns: runsFor(400) },
      ));
    it('P7 same answers: charges that are all pending at once have the same answers as in memory', () =>
      fc.assert(
        fc.asyncProperty(throttled(everyWorld), crowds, (world, crowds) =>
          within((under) => expectSameCrowds(under, world, crowds)),
        ),
        { numRuns: runs(300) },
      ));
    if (records) {
      it('P7 same answers: a trace with records has the same answers as in memory', () =>
        fc.assert(
          fc.asyncProperty(throttled(everyWorld), steps, (world, steps) =>
            within((under) => expectSameRecords(under, world, steps)),
          ),
          { numRuns: runs(300) },
        ));
    }

    it('P8 bounded: a counter answers as a new one after everything that it remembers has expired', () =>
      fc.assert(
        fc.asyncProperty(throttled(exactWorld), throttledCommands, throttledCommands, (world, first, second) =>
          expectAsGoodAsNew(storeWorld, world, first, rememberedMsOf(world), second),
        ),
        { numRuns: runs(400) },
      ));

    it('different names have different violations, in a trace of hostile names', () =>
      check(400, throttled(hostileWorld), expectThrottledAsExpected));

    describeThrottlingSpan(storeWorld);
    describeViolations(storeWorld);
    describePardon(storeWorld);
  });
}
