import { Quota } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { expectNeverOver } from '../../contract/store/never-over.js';
import { coarseWorld, exactWorld } from '../../contract/store/traces.js';
import { storeWorld } from '../../contract/store/world.js';
import { counterOf, redisWorld } from '../store-world.js';

const world = redisWorld();

/** Not in the store suite: the time of each counter, not of the server, never goes back. */
describe('a server whose clock steps back', () => {
  const stepping = storeWorld(() => {
    const store = world.store({ denyCacheSize: 0 });
    world.clock.nowMs = 1_800_000_000_000;
    return {
      store,
      time: {
        advance(ms) {
          world.clock.nowMs += ms;
        },
        stepBack(ms) {
          world.clock.nowMs -= ms;
        },
      },
      stop: () => store.close(),
    };
  });

  it('admits nothing extra', () => stepping.check(300, exactWorld, expectNeverOver));
  it('admits nothing extra with coarse slices', () => stepping.check(150, coarseWorld, expectNeverOver));

  it('decides by the latest admission of the counter, until the clock has caught up', async () => {
    const store = world.store({ denyCacheSize: 0 });
    const counters = counterOf(2, 1000);
    const { now } = await store.consume('a', counters, 1);
    world.clock.nowMs -= 500;
    expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: true, now, used: [2] });
    expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: false, now, retryAfterMs: 1000 });
    world.clock.nowMs += 1500;
    expect(await store.consume('a', counters, 2)).toMatchObject({ allowed: true, now: now + 1000, used: [2] });
  });
});

describe('a refusal', () => {
  it('by a counter whose time is ahead removes nothing from another counter of the call', async () => {
    const store = world.store({ denyCacheSize: 0 });
    const own = counterOf(2, 100);
    const total = counterOf(1, 60_000, '*');
    await store.consume('a', own, 2);
    world.clock.nowMs += 100;
    await store.consume('a', total, 1);
    world.clock.nowMs -= 50;
    const outcomes = await Promise.all([
      store.consume('a', [...own, ...total], 1),
      store.consume('a', own, 1),
      store.peek('a', [...own, ...total], 1),
      store.consume('a', own, 1),
    ]);
    expect(store.stats().calls).toBe(3);
    expect(outcomes.map(({ allowed, used }) => [allowed, used[0]])).toEqual([
      [false, 0],
      [false, 2],
      [false, 0],
      [false, 2],
    ]);
  });
});

describe('a refund', () => {
  it('removes nothing that counts again when the clock steps back', async () => {
    const store = world.store({ denyCacheSize: 0 });
    const quotas = [new Quota({ limit: 3, windowMs: 2000 }), new Quota({ limit: 2, windowMs: 100 })];
    const counters = [{ name: 'legs', quotas }];
    const outcome = await store.consume('a', counters, 1);
    await store.consume('a', counters, 1);
    world.clock.nowMs += 100;
    await store.refund('a', counters, 1, outcome);
    world.clock.nowMs -= 99;
    expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: false, used: [1, 2], retryAfterMs: 99 });
  });
});

describe('a record', () => {
  it('moves the time of its counter forward, so that nothing it has removed counts again', async () => {
    const store = world.store({ denyCacheSize: 0 });
    const quotas = [new Quota({ limit: 9, windowMs: 2000 }), new Quota({ limit: 3, windowMs: 100 })];
    const counters = [{ name: 'legs', quotas }];
    await store.consume('a', counters, 2);
    world.clock.nowMs += 100;
    await store.record('a', counters, 1, 50);
    world.clock.nowMs -= 99;
    expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: true, used: [4, 2] });
    // The instant of the record.
    expect((await store.peek('a', counters, 0)).now).toBe(world.clock.nowMs + 99);
  });

  it('on an empty counter begins it anew, and affects no other charge of its call', async () => {
    const store = world.store({ denyCacheSize: 0 });
    const outcome = await store.consume('a', counterOf(5, 10_000), 1);
    await store.refund('a', counterOf(5, 10_000), 1, outcome);
    world.clock.nowMs += 700;
    const [, other] = await Promise.all([
      store.record('a', counterOf(5, 500), 2, 100),
      store.consume('b', counterOf(5), 1),
    ]);
    expect(other).toMatchObject({ allowed: true });
    expect(await store.peek('a', counterOf(5, 500), 0)).toMatchObject({ used: [2], resetAfterMs: [400] });
  });

  it.each([600_000, 2 ** 32 + 1000])(
    'of %d ms ago changes neither a window that it has left nor the index',
    async (agoMs) => {
      const store = world.store({ denyCacheSize: 0 });
      await store.consume('a', counterOf(10), 10);
      await store.record('a', counterOf(10), 1, agoMs);
      expect(await store.peek('a', counterOf(10), 1)).toMatchObject({ allowed: false, used: [10] });
      await store.reset('a');
      expect(await store.peek('a', counterOf(10), 0)).toMatchObject({ used: [0] });
    },
  );
});

describe('a long life', () => {
  it('is exact over more windows than 32 bits have milliseconds', async () => {
    const store = world.store({ denyCacheSize: 0 });
    const month = 2_678_400_000;
    const counters = counterOf(3, month);
    for (let turn = 0; turn < 40; turn++) {
      const outcome = await store.consume('a', counters, 1);
      expect(outcome).toMatchObject({ allowed: true, used: [Math.min(turn + 1, 3)] });
      world.clock.nowMs += month / 3;
    }
  });

  it('keeps costs of every width', async () => {
    const store = world.store({ denyCacheSize: 0 });
    const counters = counterOf(2 ** 31 - 1, 60_000);
    let used = 0;
    for (const cost of [1, 254, 1, 65_000, 1, 70_000, 2 ** 30, 255, 256, 65_535, 65_536]) {
      used += cost;
      expect((await store.consume('a', counters, cost)).used).toEqual([used]);
      world.clock.nowMs += 1000;
    }
    world.clock.nowMs += 60_000 - 11_000 + 5000;
    expect((await store.peek('a', counters, 0)).used).toEqual([used - 1 - 254 - 1 - 65_000 - 1 - 70_000]);
  });
});
