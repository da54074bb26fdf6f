import { type Decision, perHour, RateLimiter } from '@tollgate/core';
import { isPromise } from '@tollgate/core/kit';
import { describe, expect, it } from 'vitest';
import { FailingStore } from '../failing-store.js';
import { CHARGE, failingWorld, fakeTime, IMMEDIATE_MS, pass } from '../failing-world.js';

describe('the circuit', () => {
  fakeTime();

  it('opens after five failures in a row, and no charge waits from then on', async () => {
    const { consume, limiter, store } = failingWorld();
    store.manner = 'unknown';
    for (let failures = 0; failures < 5; failures++) {
      expect(limiter.health().state).toBe('up');
      await consume();
    }
    expect(limiter.health()).toMatchObject({ state: 'down', failures: 5 });
    store.manner = 'hang';
    const decision = limiter.consume(CHARGE);
    expect(isPromise(decision)).toBe(false);
    expect(decision).toMatchObject({ source: 'local' });
    expect(limiter.peek(CHARGE)).toMatchObject({ source: 'local' });
    expect(store.countOf('consume')).toBe(5);
  });

  it('stays closed if a call succeeds in between', async () => {
    const { consume, limiter, store } = failingWorld({ quotas: [perHour(100)] });
    for (let round = 0; round < 20; round++) {
      store.manner = round % 5 === 4 ? 'well' : 'unknown';
      await consume();
    }
    expect(limiter.health()).toMatchObject({ state: 'up', failures: 16, decidedLocally: 16 });
  });

  it('stays closed if only the data of one account is broken', async () => {
    const { consume, limiter, store } = failingWorld({ quotas: [perHour(100)] });
    store.manners.set('other', 'spoilt');
    for (let sent = 0; sent < 20; sent++) {
      expect(await consume(1, 'other')).toMatchObject({ allowed: true, source: 'local' });
    }
    expect(await consume()).toMatchObject({ source: 'store' });
    expect(limiter.health()).toMatchObject({ state: 'up', decidedLocally: 20 });
  });

  it('releases all pending charges when it opens', async () => {
    const { consume, store } = failingWorld();
    store.manner = 'hang';
    const waiting = Promise.all(Array.from({ length: 50 }, () => consume()));
    const decided: Decision[] = [];
    waiting.then((all) => decided.push(...all));
    await pass(50);
    const later = Promise.all(Array.from({ length: 50 }, () => consume()));
    later.then((all) => decided.push(...all));
    await pass(49);
    expect(decided).toHaveLength(0);
    await pass(1 + IMMEDIATE_MS);
    expect(decided).toHaveLength(100);
    expect(decided.filter(({ allowed }) => allowed)).toHaveLength(3);
    expect(new Set(decided.map(({ source }) => source))).toEqual(new Set(['local']));
  });

  it('is probed by one call at a time, with growing pauses, and closes at the first success', async () => {
    const { consume, goDown, limiter, store } = failingWorld();
    await goDown();
    store.manner = 'refuse';
    const at: number[] = [];
    for (let ms = 0; ms < 20_000; ms++) {
      await pass(1);
      while (at.length < store.countOf('probe')) at.push(ms);
    }
    const pauses = at.map((ms, index) => ms - (at[index - 1] ?? 0));
    for (const [index, pause] of pauses.entries()) {
      const longest = Math.min(2000, 100 * 2 ** index);
      expect(pause).toBeGreaterThanOrEqual(longest * 0.8 - 2);
      expect(pause).toBeLessThanOrEqual(longest + 2);
    }
    expect(store.asked.every((asked) => asked === 'probe')).toBe(true);
    expect(limiter.health().state).toBe('down');

    // A probe without an answer ends at the deadline, and the next one comes after a pause.
    store.manner = 'hang';
    const probes = store.countOf('probe');
    await pass(20_000);
    expect(store.countOf('probe') - probes).toBeGreaterThanOrEqual(Math.floor(20_000 / 2110));
    expect(store.countOf('probe') - probes).toBeLessThanOrEqual(Math.ceil(20_000 / 1690));

    store.manner = 'well';
    await pass(2200);
    expect(limiter.health()).toMatchObject({ state: 'up', shards: [] });
    expect(await consume()).toMatchObject({ source: 'store' });
  });

  it('probes by a peek if the store has no probe, and takes garbage as a failure', async () => {
    const { goDown, limiter, store } = failingWorld();
    Object.assign(store, { probe: undefined });
    await goDown();
    store.manner = 'garbage';
    await pass(5000);
    expect(store.countOf('peek')).toBeGreaterThan(3);
    expect(limiter.health().state).toBe('down');
    store.manner = 'well';
    await pass(2200);
    expect(limiter.health().state).toBe('up');
  });

  it('refuses with the time until the next probe', async () => {
    const { consume, goDown, store } = failingWorld({ onStoreFailure: 'deny' });
    await goDown();
    store.manner = 'hang';
    for (let ms = 0; ms < 5000; ms += 50) {
      const { retryAfterMs } = await consume();
      expect(retryAfterMs).toBeGreaterThanOrEqual(1);
      expect(retryAfterMs).toBeLessThanOrEqual(2000);
      await pass(50);
    }
  });

  it('exists once for each shard of the store', async () => {
    const store = new FailingStore();
    const sharded = Object.assign(store, { shardOf: (account: string) => account.slice(0, 1) });
    const limiter = new RateLimiter({ policy: { quotas: [perHour(9)] }, store: sharded });
    const consume = async (account: string) => limiter.consume({ ...CHARGE, account } as never);
    await consume('b1');
    store.manners.set('a1', 'unknown');
    for (let failures = 0; failures < 5; failures++) await consume('a1');
    expect(limiter.health()).toMatchObject({
      state: 'partly-down',
      shards: [{ name: 'a', state: 'down', lastError: 'The store failed: the line went dead' }],
    });
    expect(await consume('a2')).toMatchObject({ source: 'local' });
    expect(await consume('b1')).toMatchObject({ source: 'store' });
    expect(await consume('c1')).toMatchObject({ source: 'store' });
    store.manners.set('b1', 'unknown');
    store.manners.set('c1', 'unknown');
    for (let failures = 0; failures < 5; failures++) await Promise.all([consume('b1'), consume('c1')]);
    expect(limiter.health().state).toBe('down');
    store.manners.clear();
    await pass(1000);
    expect(limiter.health()).toMatchObject({ state: 'up', shards: [] });
  });

  it('exists once if the store cannot name its shards', async () => {
    for (const shardOf of [
      () => {
        throw new Error('no idea');
      },
      () => undefined as never,
      (account: string) => account,
    ]) {
      const store = Object.assign(new FailingStore(), { shardOf });
      store.manner = 'refuse';
      const limiter = new RateLimiter({ policy: { quotas: [perHour(9)] }, store });
      for (let account = 0; account < 3000; account++) {
        expect(await limiter.consume({ account: `${account}`, category: 'legs' })).toMatchObject({ source: 'local' });
      }
      store.manner = 'well';
      await pass(5000);
      expect(limiter.health().state).toBe('up');
      limiter.close();
    }
  });

  it('opens also for a store that is down from the start', async () => {
    const store = new FailingStore();
    store.manner = 'hang';
    const limiter = new RateLimiter({ policy: { quotas: [perHour(2)] }, store });
    const decided = Promise.all([1, 2, 3].map(() => limiter.consume(CHARGE)));
    await pass(100 + IMMEDIATE_MS);
    expect((await decided).map(({ allowed }) => allowed)).toEqual([true, true, false]);
    store.manner = 'well';
    await pass(5000);
    expect(await limiter.consume({ account: 'another', category: 'legs' })).toMatchObject({ source: 'store' });
  });
});
