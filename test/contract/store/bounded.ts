import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answered, play } from './player.js';
import { type Command, commands, exactWorld, type World } from './traces.js';
import { catchUp, comparable, type StoreWorld, timeOf, windowOf } from './world.js';

/** P8: a store forgets what can no longer change a decision. */
export function describeBounded(storeWorld: StoreWorld): void {
  describe('P8 bounded', () => {
    it('a counter whose longest window has passed answers as a new one', () =>
      fc.assert(
        fc.asyncProperty(exactWorld, commands, commands, (world, first, second) => {
          const longestMs = Math.max(...world.counters.flatMap(({ lists }) => lists.flat().map(windowOf)));
          return expectAsGoodAsNew(storeWorld, world, first, longestMs, second);
        }),
        { numRuns: storeWorld.runs(400) },
      ));
  });
}

/** Plays a trace and, long after it, a second one. The second one gets the same answers as in a new store. */
export function expectAsGoodAsNew(
  { within }: StoreWorld,
  world: World,
  first: readonly Command[],
  laterMs: number,
  second: readonly Command[],
): Promise<void> {
  return within(async (under) => {
    await play(under, world, first);
    await catchUp(under);
    await timeOf(under).advance(laterMs);
    const later = await play(under, world, second);
    await within(async (fresh) => {
      const anew = await play(fresh, world, second);
      const facts = ({ outcome }: Answered) => ({ ...comparable(outcome), now: 0 });
      expect(later.map(facts)).toEqual(anew.map(facts));
    });
  });
}
