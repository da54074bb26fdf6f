import type { UsageCorrections, UsageEntry } from '@tollgate/core/usage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsFor } from '../../effort.js';
import { HOSTILE_NAMES } from '../store/traces.js';
import { minutesOf, sorted } from './oracle.js';
import { entriesOf, MAX_CATEGORIES_KEPT, requestsOf, START_AT } from './requests.js';
import { freshStore, type UsageWorld } from './world.js';

const FROM = START_AT - 86_400_000;
const TO = START_AT + 86_400_000;
/** The last minute of a day. */
const MIDNIGHT = START_AT - 60_000;

/** What a process adds for a minute with these corrections, and without a request. */
function corrected(account: string, category: string, minuteAt: number, corrections: UsageCorrections): UsageEntry {
  return { account, category, minuteAt, admitted: 0, refused: 0, wouldRefuse: 0, seconds: [], corrections };
}

const counts = (count: number, refundedUnits: number, debitedUnits: number): UsageCorrections => {
  return { count, refundedUnits, debitedUnits };
};

/** The corrections of an account by category and minute, by a naive sum. */
function sumsOf(entries: readonly UsageEntry[], account: string): Map<string, UsageCorrections> {
  const sums = new Map<string, UsageCorrections>();
  for (const { account: owner, category, minuteAt, corrections } of entries) {
    if (owner !== account || corrections === undefined) continue;
    const key = `${minuteAt} ${category}`;
    const { count, refundedUnits, debitedUnits } = sums.get(key) ?? counts(0, 0, 0);
    sums.set(
      key,
      counts(
        count + corrections.count,
        refundedUnits + corrections.refundedUnits,
        debitedUnits + corrections.debitedUnits,
      ),
    );
  }
  return sums;
}

/** Corrections add up beside the requests, and change none of them. */
export function describeCorrections(world: UsageWorld): void {
  describe('corrections', () => {
    it('add up for each category and minute, with requests and without, and from any process', async () => {
      const correction = fc
        .record({
          account: fc.constantFrom('a', 'b'),
          category: fc.constantFrom('legs', 'actions'),
          minute: fc.integer({ min: -2, max: 1 }),
          count: fc.integer({ min: 1, max: 3 }),
          refunded: fc.nat(1000),
          debited: fc.nat(2 ** 31 - 1),
        })
        .map(({ account, category, minute, count, refunded, debited }) =>
          corrected(account, category, MIDNIGHT + minute * 60_000, counts(count, refunded, debited)),
        );
      const added = fc.record({
        requests: requestsOf(['a', 'b'], ['legs', 'actions'], MIDNIGHT, 20),
        corrections: fc.array(correction, { maxLength: 20 }),
        batch: fc.integer({ min: 1, max: 20 }),
      });
      await fc.assert(
        fc.asyncProperty(added, async ({ requests, corrections, batch }) => {
          const store = world.make();
          // A process adds both in one entry if it has counted both.
          const entries = entriesOf(requests).map((entry, index) => {
            const one = corrections[index];
            return one === undefined ? entry : { ...entry, corrections: one.corrections };
          });
          const all = [...entries, ...corrections];
          for (let at = 0; at < all.length; at += batch) {
            expect((await store.add(all.slice(at, at + batch))) ?? []).toEqual([]);
          }
          for (const account of ['a', 'b', 'c']) {
            const minutes = sorted(await store.read(account, FROM, TO));
            const withRequests = minutes.filter(({ admitted, refused }) => admitted + refused > 0);
            expect(withRequests.map(({ corrections: _, ...rest }) => rest)).toEqual(minutesOf(requests, account));
            const found = minutes.flatMap(({ category, minuteAt, corrections }) =>
              corrections === undefined ? [] : [[`${minuteAt} ${category}`, corrections] as const],
            );
            expect(new Map(found)).toEqual(sumsOf(all, account));
            expect(new Set(minutes.map(({ category, minuteAt }) => `${minuteAt} ${category}`)).size).toBe(
              minutes.length,
            );
          }
          await store.close();
        }),
        { numRuns: runsFor(Math.ceil(150 * world.effort)) },
      );
    });

    it('are kept apart by names that differ in one character', async () => {
      const store = freshStore(world);
      const accounts = ['', ...HOSTILE_NAMES].filter((name) => name.length <= 257);
      const categories = HOSTILE_NAMES.filter((name) => name.length <= 257);
      const entries = accounts.flatMap((account, index) =>
        categories.map((category, place) => corrected(account, category, START_AT, counts(1, index, place))),
      );
      expect((await store.add(entries)) ?? []).toEqual([]);
      for (const [index, account] of accounts.entries()) {
        const minutes = await store.read(account, FROM, TO);
        expect(new Map(minutes.map(({ category, corrections }) => [category, corrections]))).toEqual(
          new Map(categories.map((category, place) => [category, counts(1, index, place)])),
        );
      }
    });

    it('of categories beyond 64 in an hour are counted together', async () => {
      const store = freshStore(world);
      const crowd = Array.from({ length: 200 }, (_, number) =>
        corrected('crowded', `c${number}`, START_AT, counts(1, 2, 3)),
      );
      await store.add(crowd);
      await store.add(crowd);
      const minutes = await store.read('crowded', FROM, TO);
      expect(minutes).toHaveLength(MAX_CATEGORIES_KEPT + 1);
      const others = 2 * (200 - MAX_CATEGORIES_KEPT);
      expect(minutes.find(({ category }) => category === '')?.corrections).toEqual(
        counts(others, 2 * others, 3 * others),
      );
    });

    it('may have more units than 32 bits can count', async () => {
      const store = freshStore(world);
      const entry = corrected('a', 'legs', START_AT, counts(1, 2 ** 40, 2 ** 50));
      for (let time = 0; time < 3; time++) await store.add([entry]);
      expect(await store.read('a', FROM, TO)).toEqual([
        expect.objectContaining({ admitted: 0, corrections: counts(3, 3 * 2 ** 40, 3 * 2 ** 50) }),
      ]);
    });

    it('put no account among the leaders', async () => {
      const store = freshStore(world);
      const now = Math.floor(Date.now() / 60_000) * 60_000;
      await store.add([corrected('a', 'legs', now, counts(9, 9, 9))]);
      expect(await store.top({ limit: 10 })).toMatchObject({ nearest: [], refused: [] });
    });
  });
}
