import type { UsageEntry } from '@tollgate/core/usage';
import { describe, expect, it } from 'vitest';
import { freshStore, type UsageWorld } from './world.js';

function entry(account: string, minuteAt: number, numbers: Partial<UsageEntry>): UsageEntry {
  const none = { admitted: 0, refused: 0, wouldRefuse: 0 };
  return { account, category: 'legs', minuteAt, ...none, seconds: [], ...numbers };
}

function full(used: number, limit: number): UsageEntry['fullest'] {
  return { used, limit, windowMs: 60_000 };
}

/** The leaders of the present minute and the one before. */
export function describeTop(world: UsageWorld): void {
  // A test runs again if a minute of the clock ended during it.
  describe('top', { retry: 1 }, () => {
    const thisMinute = () => Math.floor(Date.now() / 60_000) * 60_000;

    it('returns who is nearest to the limits, by the fuller of two minutes, highest share first', async () => {
      const store = freshStore(world);
      const now = thisMinute();
      await store.add([
        entry('half', now, { admitted: 50, fullest: full(50, 100) }),
        entry('fuller before', now - 60_000, { admitted: 1, fullest: full(9, 10) }),
        entry('fuller before', now, { admitted: 1, fullest: full(1, 10) }),
        entry('long ago', now - 10 * 60_000, { admitted: 1, fullest: full(10, 10) }),
        entry('unlimited', now, { admitted: 1 }),
      ]);
      await store.add([entry('half', now, { admitted: 1, fullest: full(20, 100) })]);
      await store.add([entry('half', now, { admitted: 1, fullest: full(60, 100) })]);
      const { at, from, nearest } = await store.top({ limit: 10 });
      expect(at).toBeGreaterThanOrEqual(now);
      expect(from).toBe(Math.floor(at / 60_000) * 60_000 - 60_000);
      expect(nearest).toEqual([
        { account: 'fuller before', category: 'legs', share: 0.9, used: 9, limit: 10, windowMs: 60_000 },
        { account: 'half', category: 'legs', share: 0.6, used: 60, limit: 100, windowMs: 60_000 },
      ]);
    });

    it('returns who is refused most, with the exact sums of both minutes', async () => {
      const store = freshStore(world);
      const now = thisMinute();
      for (let process = 0; process < 3; process++) {
        await store.add([
          entry('steady', now, { admitted: 7, refused: 2 }),
          entry('before', now - 60_000, { refused: 5 }),
          entry('content', now, { admitted: 100 }),
        ]);
      }
      await store.add([
        entry('before', now, { admitted: 1 }),
        entry('__proto__ }{', now, { refused: 1, category: 'a b:c' }),
        entry('long ago', now - 10 * 60_000, { refused: 1000 }),
      ]);
      expect((await store.top({ limit: 10 })).refused).toEqual([
        { account: 'before', category: 'legs', refused: 15, admitted: 1 },
        { account: 'steady', category: 'legs', refused: 6, admitted: 21 },
        { account: '__proto__ }{', category: 'a b:c', refused: 1, admitted: 0 },
      ]);
      expect((await store.top({ limit: 1 })).refused).toHaveLength(1);
    });

    it('finds the leaders among thousands', async () => {
      const store = freshStore(world);
      const now = thisMinute();
      const crowd = Array.from({ length: 3000 }, (_, number) =>
        entry(`c${number}`, now, { refused: 1 + number, fullest: full(1 + number, 3000) }),
      );
      // Mixed, so that the leaders come neither first nor last.
      crowd.sort((one, other) => ((one.refused * 7919) % 3001) - ((other.refused * 7919) % 3001));
      for (let at = 0; at < crowd.length; at += 100) await store.add(crowd.slice(at, at + 100));
      const { nearest, refused } = await store.top({ limit: 20 });
      expect(nearest.map(({ used }) => used)).toEqual(Array.from({ length: 20 }, (_, place) => 3000 - place));
      expect(refused.map(({ refused }) => refused)).toEqual(Array.from({ length: 20 }, (_, place) => 3000 - place));
    });

    it('takes a number from 1 to 100', async () => {
      const store = freshStore(world);
      for (const limit of [0, 101, 1.5]) {
        await expect((async () => store.top({ limit }))()).rejects.toMatchObject({ code: 'TOLLGATE_OPTION_RANGE' });
      }
      expect(await store.top({ limit: 100 })).toMatchObject({ nearest: [], refused: [] });
    });
  });
}
