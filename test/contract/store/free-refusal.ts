import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answered, play } from './player.js';
import { anyWorld, type Command, coarseWorld, commands, exactWorld, type World } from './traces.js';
import type { StoreWorld } from './world.js';

/** P3: a refused charge and a peek change no quota. */
export function describeFreeRefusal({ check, runs, within }: StoreWorld): void {
  describe('P3 refusal is free', () => {
    it('a refused charge changes no quota', () =>
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
    it('a trace has the same answers without its refused charges and peeks', () =>
      fc.assert(
        fc.asyncProperty(fc.oneof(exactWorld, coarseWorld, anyWorld), commands, async (world, commands) => {
          const facts = ({ place, outcome: { allowed, used, resetAfterMs, retryAfterMs } }: Answered) => {
            return { place, allowed, used, resetAfterMs, retryAfterMs };
          };
          const { kept, bare } = await playWithoutRefusals(within, world, commands);
          expect(bare.map(facts)).toEqual(kept.map(facts));
        }),
        { numRuns: runs(600) },
      ));
  });
}

/** The other answers of a whole trace, and the answers of the trace without its refused charges and peeks. */
export async function playWithoutRefusals(
  within: StoreWorld['within'],
  world: World,
  commands: readonly Command[],
): Promise<{ readonly kept: Answered[]; readonly bare: Answered[] }> {
  let full: Answered[] = [];
  await within(async (under) => {
    full = await play(under, world, commands);
  });
  const idle = ({ kind, outcome }: Answered) => kind === 'peek' || !outcome.allowed;
  const skip = new Set(full.filter(idle).map(({ place }) => place));
  let bare: Answered[] = [];
  await within(async (under) => {
    bare = await play(under, world, commands, { skip });
  });
  return { kept: full.filter(({ place }) => !skip.has(place)), bare };
}
