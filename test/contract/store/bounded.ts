import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answered, play } from './player.js';
import { commands, exactWorld } from './traces.js';
import { catchUp, type StoreWorld, timeOf, windowOf, withoutToken } from './world.js';

/** P8: what can no longer change a decision is forgotten. */
export function describeBounded({ runs, within }: StoreWorld): void {
  describe('P8 bounded', () => {
    it('P8 bounded: once its longest window has passed, a counter is as good as new', () =>
      fc.assert(
        fc.asyncProperty(exactWorld, commands, commands, (world, first, second) =>
          within(async (under) => {
            await play(under, world, first);
            await catchUp(under);
            await timeOf(under).advance(Math.max(...world.counters.flatMap(({ lists }) => lists.flat().map(windowOf))));
            const later = await play(under, world, second);
            await within(async (fresh) => {
              const anew = await play(fresh, world, second);
              const facts = ({ outcome }: Answered) => ({ ...withoutToken(outcome), now: 0 });
              expect(later.map(facts)).toEqual(anew.map(facts));
            });
          }),
        ),
        { numRuns: runs(400) },
      ));
  });
}
