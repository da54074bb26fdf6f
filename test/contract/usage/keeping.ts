import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsFor } from '../../effort.js';
import { minutesOf, sorted } from './oracle.js';
import { entriesOf, requestsOf, START_AT } from './requests.js';
import { freshStore, type UsageWorld } from './world.js';

/** Reading, and a closed store. */
export function describeKeeping(world: UsageWorld): void {
  describe('reading', () => {
    it('returns the minutes that start at `from` or later, and before `to`', async () => {
      const store = freshStore(world);
      const around = START_AT + 10 * 3_600_000;
      const [requests] = fc.sample(requestsOf(['a'], ['legs', 'actions'], around, 200), { numRuns: 1, seed: 7 });
      const late = fc.sample(requestsOf(['a'], ['legs'], START_AT + 86_400_000, 50), { numRuns: 1, seed: 8 })[0]!;
      const all = [...requests!, ...late];
      await store.add(entriesOf(all));
      const instant = fc.oneof(
        fc.integer({ min: -4, max: 4 }).map((minute) => around + minute * 60_000),
        fc.integer({ min: -250_000, max: 250_000 }).map((ms) => around + ms),
        fc.constantFrom(START_AT, START_AT + 86_400_000, START_AT + 2 * 86_400_000),
      );
      await fc.assert(
        fc.asyncProperty(instant, instant, async (from, to) => {
          const expected = minutesOf(all, 'a').filter(({ minuteAt }) => minuteAt >= from && minuteAt < to);
          expect(sorted(await store.read('a', from, to))).toEqual(expected);
        }),
        { numRuns: runsFor(Math.ceil(100 * world.effort)) },
      );
    });

    it('returns nothing for an account without requests', async () => {
      expect(await freshStore(world).read('nobody', START_AT, START_AT + 60_000)).toEqual([]);
    });
  });

  it('a closed store refuses every call except close', async () => {
    const store = world.make();
    await store.close();
    await store.close();
    const closed = expect.objectContaining({ code: 'TOLLGATE_CLOSED' });
    const uses = [() => store.add([]), () => store.read('a', 0, 1), () => store.top({ limit: 1 })];
    for (const use of uses) await expect((async () => use())()).rejects.toEqual(closed);
  });
}
