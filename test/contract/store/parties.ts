import fc from 'fast-check';
import { expect, it } from 'vitest';
import { runsFor } from '../../effort.js';
import { expectAllOrNothing } from './all-or-nothing.js';
import { expectAsGoodAsNew } from './bounded.js';
import { expectFullLog } from './early-refusal.js';
import { chargePick, expectExactRetry, expectNeverOnlyAboveLimit, shares } from './exact-retry.js';
import { playWithoutRefusals } from './free-refusal.js';
import { expectNeverOver } from './never-over.js';
import { type Answered, play } from './player.js';
import { expectSameRecords, steps } from './record.js';
import { expectSameAnswers } from './same-answers.js';
import { expectThrottledAsExpected } from './throttled-answers.js';
import { throttled, throttledCommands } from './throttled-traces.js';
import {
  anyWorld,
  chargeOf,
  coarseWorld,
  commands,
  everyWorld,
  exactWorld,
  movingWorld,
  type World,
} from './traces.js';
import { catchUp, type StoreWorld, windowOf } from './world.js';

/** The promises P1 to P8 with charges on more counters than those of one account, which `parties` adds to a world. */
export function describeParties(
  storeWorld: StoreWorld,
  parties: (worlds: fc.Arbitrary<World>) => fc.Arbitrary<World>,
  { records, throttles }: { readonly records: boolean; readonly throttles: boolean },
): void {
  const { check, runs, within } = storeWorld;

  it.each([
    ['exact windows', exactWorld, false],
    ['coarse slices', coarseWorld, false],
    ['windows that differ from call to call', movingWorld, true],
  ] as const)('P1 never over: no window of any counter admits more than its limit, with %s', (_, world, onlyStored) =>
    check(200, parties(world), (answered) => expectNeverOver(answered, onlyStored)),
  );
  it('P2 never early to refuse: every answer equals that of a full log', () =>
    check(400, parties(exactWorld), expectFullLog));
  it('P3 refusal is free: a refused charge changes no quota of any counter', () =>
    check(
      150,
      parties(anyWorld),
      (answered) => {
        for (const { outcome, before, after } of answered) if (!outcome.allowed) expect(after).toEqual(before);
      },
      true,
    ));
  it('P3 refusal is free: a trace has the same answers without its refused charges and peeks', () =>
    fc.assert(
      fc.asyncProperty(parties(fc.oneof(exactWorld, coarseWorld)), commands, async (world, commands) => {
        const facts = ({ place, outcome: { allowed, used, resetAfterMs, retryAfterMs } }: Answered) => {
          return { place, allowed, used, resetAfterMs, retryAfterMs };
        };
        const { kept, bare } = await playWithoutRefusals(within, world, commands);
        expect(bare.map(facts)).toEqual(kept.map(facts));
      }),
      { numRuns: runs(200) },
    ));
  it('P4 all or nothing: a charge counts on every counter with its cost there, or on none', () =>
    check(200, parties(fc.oneof(exactWorld, coarseWorld, anyWorld)), expectAllOrNothing, true));
  it('P5 exact retry: a refused charge is refused before `retryAfterMs` and admitted at it', () =>
    fc.assert(
      fc.asyncProperty(parties(everyWorld), commands, chargePick, shares, (world, commands, pick, shares) =>
        within(async (under) => {
          await play(under, world, commands);
          await catchUp(under);
          await expectExactRetry(under, { account: world.accounts[0]!, ...chargeOf(world, pick) }, shares);
        }),
      ),
      { numRuns: runs(300) },
    ));
  it('P5 exact retry: only a cost above a limit is refused without a time to retry', () =>
    check(200, parties(anyWorld), (answered) => {
      for (const one of answered) expectNeverOnlyAboveLimit(one);
    }));
  it('P7 same answers: a trace has the same answers as in memory', () =>
    fc.assert(
      fc.asyncProperty(parties(everyWorld), commands, (world, commands) =>
        within((under) => expectSameAnswers(under, world, commands)),
      ),
      { numRuns: runsFor(200) },
    ));
  it('P8 bounded: a counter whose longest window has passed answers as a new one', () =>
    fc.assert(
      fc.asyncProperty(parties(exactWorld), commands, commands, (world, first, second) => {
        const longestMs = Math.max(...world.counters.flatMap(({ lists }) => lists.flat().map(windowOf)));
        return expectAsGoodAsNew(storeWorld, world, first, longestMs, second);
      }),
      { numRuns: runs(150) },
    ));
  if (records) {
    it('P7 same answers: a trace with records has the same answers as in memory', () =>
      fc.assert(
        fc.asyncProperty(parties(everyWorld), steps, (world, steps) =>
          within((under) => expectSameRecords(under, world, steps)),
        ),
        { numRuns: runs(200) },
      ));
  }
  if (throttles) {
    it('P2 never early to refuse: every answer equals that of a full log of admissions and violations', () =>
      fc.assert(
        fc.asyncProperty(throttled(parties(exactWorld)), throttledCommands, (world, commands) =>
          within(async (under) => {
            const answered = await play(under, world, commands);
            expectFullLog(answered);
            expectThrottledAsExpected(answered);
          }),
        ),
        { numRuns: runs(400) },
      ));
    it('P7 same answers: a trace with throttles has the same answers as in memory', () =>
      fc.assert(
        fc.asyncProperty(throttled(parties(everyWorld)), throttledCommands, (world, commands) =>
          within((under) => expectSameAnswers(under, world, commands)),
        ),
        { numRuns: runsFor(200) },
      ));
  }
}
