import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answered, play } from './player.js';
import { anyWorld, coarseWorld, commands, exactWorld } from './traces.js';
import type { StoreWorld } from './world.js';

/** P3: a refused charge and a peek leave no trace. */
export function describeFreeRefusal({ check, runs, within }: StoreWorld): void {
  describe('P3 refusal is free', () => {
    it('P3 refusal is free: a refused charge changes no quota', () =>
      check(
        200,
        anyWorld,
        (answered) => {
          for (const { outcome, before, after } of answered) {
            if (!outcome.allowed) expect(after).toEqual(before);
          }
        },
        true,
      ));
    it('P3 refusal is free: a trace goes on as if its refused charges and its peeks had never been', () =>
      fc.assert(
        fc.asyncProperty(fc.oneof(exactWorld, coarseWorld, anyWorld), commands, async (world, commands) => {
          const facts = ({ place, outcome: { allowed, used, resetAfterMs, retryAfterMs } }: Answered) => {
            return { place, allowed, used, resetAfterMs, retryAfterMs };
          };
          let full: Answered[] = [];
          await within(async (under) => {
            full = await play(under, world, commands);
          });
          const idle = ({ kind, outcome }: Answered) => kind === 'peek' || !outcome.allowed;
          const skip = new Set(full.filter(idle).map(({ place }) => place));
          await within(async (under) => {
            const bare = await play(under, world, commands, { skip });
            expect(bare.map(facts)).toEqual(full.filter(({ place }) => !skip.has(place)).map(facts));
          });
        }),
        { numRuns: runs(600) },
      ));
  });
}
