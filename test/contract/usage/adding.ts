import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsFor } from '../../effort.js';
import { HOSTILE_NAMES } from '../store/traces.js';
import { minutesOf, sorted } from './oracle.js';
import { entriesOf, MAX_CATEGORIES_KEPT, type Request, requestsOf, START_AT } from './requests.js';
import { freshStore, type UsageWorld } from './world.js';

const FROM = START_AT - 86_400_000;
const TO = START_AT + 86_400_000;
/** The last minute of a day. */
const MIDNIGHT = START_AT - 60_000;

/** The added entries sum up to the requests. */
export function describeAdding(world: UsageWorld): void {
  const runs = (numRuns: number) => ({ numRuns: runsFor(Math.ceil(numRuns * world.effort)) });

  describe('adding', () => {
    it('sums up every request, in any order and from any process', async () => {
      const brought = fc.record({
        requests: requestsOf(['a', 'b'], ['legs', 'actions'], MIDNIGHT),
        processes: fc.infiniteStream(fc.nat(2)),
        splits: fc.infiniteStream(fc.nat(3)),
      });
      await fc.assert(
        fc.asyncProperty(brought, async ({ requests, processes, splits }) => {
          const store = world.make();
          const counted: Request[][] = [[], [], []];
          const bring = async (process: number) => {
            const entries = entriesOf(counted[process]!.splice(0));
            if (entries.length > 0) expect((await store.add(entries)) ?? []).toEqual([]);
          };
          for (const request of requests) {
            const process = processes.next().value!;
            counted[process]!.push(request);
            if (splits.next().value === 0) await bring(process);
          }
          await Promise.all([0, 1, 2].map(bring));
          for (const account of ['a', 'b', 'c']) {
            expect(sorted(await store.read(account, FROM, TO))).toEqual(minutesOf(requests, account));
          }
          await store.close();
        }),
        runs(300),
      );
    });

    it('keeps names apart that differ in one character', async () => {
      const store = freshStore(world);
      const accounts = ['', ...HOSTILE_NAMES].filter((name) => name.length <= 257);
      const categories = HOSTILE_NAMES.filter((name) => name.length <= 257);
      expect(categories.length).toBeLessThan(MAX_CATEGORIES_KEPT);
      const requests = accounts.flatMap((account, index) =>
        categories.flatMap((category, place) =>
          Array.from({ length: 1 + ((index + place) % 3) }, () => ({
            account,
            category,
            at: START_AT,
            answer: 'admitted' as const,
          })),
        ),
      );
      expect((await store.add(entriesOf(requests))) ?? []).toEqual([]);
      for (const account of accounts) {
        expect(sorted(await store.read(account, FROM, TO))).toEqual(minutesOf(requests, account));
      }
    });

    it('keeps 64 categories of an hour apart, and counts the others together under an empty name', async () => {
      const store = freshStore(world);
      const ask = (account: string, category: string, at: number): Request => ({
        account,
        category,
        at,
        answer: 'admitted',
      });
      const crowd = Array.from({ length: 1000 }, (_, number) => ask('crowded', `c${number}`, START_AT));
      await store.add(entriesOf(crowd));
      await store.add(
        entriesOf([...crowd, ask('other', 'c999', START_AT), ask('crowded', 'c999', START_AT + 3_600_000)]),
      );
      const minutes = await store.read('crowded', START_AT, START_AT + 60_000);
      expect(minutes).toHaveLength(MAX_CATEGORIES_KEPT + 1);
      const others = minutes.filter(({ category }) => category === '');
      expect(others.map(({ admitted }) => admitted)).toEqual([2 * (1000 - MAX_CATEGORIES_KEPT)]);
      expect(minutes.reduce((sum, { admitted }) => sum + admitted, 0)).toBe(2000);
      // Other accounts and other hours do not change.
      expect(await store.read('other', FROM, TO)).toMatchObject([{ category: 'c999', admitted: 1 }]);
      expect(await store.read('crowded', START_AT + 3_600_000, TO)).toMatchObject([{ category: 'c999', admitted: 1 }]);
    });

    it('counts more than 32 bits can', async () => {
      const store = freshStore(world);
      const [entry] = entriesOf([{ account: 'a', category: 'legs', at: START_AT, answer: 'admitted' }]);
      for (let time = 0; time < 3; time++) await store.add([{ ...entry!, admitted: 2 ** 40, refused: 2 ** 33 }]);
      expect(await store.read('a', FROM, TO)).toMatchObject([{ admitted: 3 * 2 ** 40, refused: 3 * 2 ** 33 }]);
    });
  });
}
