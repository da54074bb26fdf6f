import { perHour, perSecond, StoreError } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { FailingStore } from '../failing-store.js';
import { failingWorld, fakeTime, pass } from '../failing-world.js';

describe('an admission whose answer was lost', () => {
  fakeTime();

  /** Admits two of three in this process, and the store has counted neither. */
  async function lost(options: Parameters<typeof failingWorld>[0] = {}) {
    const world = failingWorld(options);
    world.store.manner = 'unknown';
    for (let n = 0; n < 2; n++) expect(await world.consume()).toMatchObject({ allowed: true, source: 'local' });
    world.store.manner = 'well';
    return world;
  }

  it('leaves no room for an admission of the store that has not counted it', async () => {
    const { consume, stored } = await lost();
    expect(await consume()).toMatchObject({ allowed: true, source: 'store' });
    expect(await consume()).toMatchObject({ allowed: false, reason: 'limit-reached', source: 'local' });
    await pass(0);
    // What the store admitted was given back.
    expect(stored()).toBe(1);
  });

  it('counts until it has left its window, and no longer', async () => {
    const { consume } = await lost({ quotas: [perHour(2)] });
    const refused = await consume();
    expect(refused).toMatchObject({ allowed: false, retryAfterMs: 3_600_000 });
    await pass(3_600_000 - 1);
    expect(await consume()).toMatchObject({ allowed: false });
    await pass(1);
    for (let n = 0; n < 2; n++) expect(await consume()).toMatchObject({ allowed: true, source: 'store' });
  });

  it('keeps counting when an older one, which has left its window, is refunded', async () => {
    const world = failingWorld({ quotas: [perSecond(1)] });
    const loseOne = async () => {
      world.store.manner = 'unknown';
      const decision = await world.consume();
      world.store.manner = 'well';
      return decision;
    };
    const old = await loseOne();
    await pass(2400);
    await world.consume(1, 'acme');
    expect(await loseOne()).toMatchObject({ allowed: true, source: 'local' });
    await world.limiter.refund(old.receipt!);
    expect(await world.consume()).toMatchObject({ allowed: false, source: 'local' });
  });

  it('affects no other account', async () => {
    const { consume } = await lost();
    for (let n = 0; n < 3; n++) expect(await consume(1, 'acme')).toMatchObject({ allowed: true, source: 'store' });
  });

  it('counts by the full limit, not by the share of this process', async () => {
    const { consume } = await lost({ localShare: 0.7 });
    expect(await consume()).toMatchObject({ allowed: true, source: 'store' });
    expect(await consume()).toMatchObject({ allowed: false });
  });

  it('is not more than one admission if it was refunded', async () => {
    const world = failingWorld();
    world.store.manner = 'unknown';
    const { receipt } = await world.consume(3);
    world.store.manner = 'well';
    expect(await world.limiter.refund(receipt!)).toBe(true);
    expect(await world.consume(3)).toMatchObject({ allowed: true, source: 'store' });
  });

  it('no longer matters once the store has answered after all', async () => {
    const { consume, local, store, within } = failingWorld();
    store.manner = 'hold';
    expect(await within(100, consume())).toMatchObject({ allowed: true, source: 'local' });
    store.manner = 'well';
    store.release();
    await pass(0);
    // Another limiter on the same local store: the copy has more than this process.
    local.consume('ameyo5m', [{ name: 'legs', quotas: [perHour(9)] }], 2);
    expect(await consume(2)).toMatchObject({ allowed: true, source: 'store' });
  });

  it('no longer matters after a reset', async () => {
    const { consume, limiter } = await lost();
    await limiter.reset({ account: 'ameyo5m' });
    expect(await consume(3)).toMatchObject({ allowed: true, source: 'store' });
  });

  it('of a record counts as well', async () => {
    const { consume, limiter, store } = failingWorld();
    store.manner = 'refuse';
    await consume(2);
    store.record = () => Promise.reject(new StoreError('the line went dead', { charged: 'unknown' }));
    store.manner = 'well';
    await pass(1000);
    expect(limiter.health().writeBack).toMatchObject({ pending: 0, written: 0, dropped: 1 });
    expect(await consume(2)).toMatchObject({ allowed: false, source: 'local' });
    expect(await consume(1)).toMatchObject({ allowed: true, source: 'store' });
  });

  it('is remembered for 10,000 accounts, and beyond that every account is checked', async () => {
    const without = Object.assign(new FailingStore(), { record: undefined });
    const { consume, goDown, limiter, store } = failingWorld({}, {}, without as never);
    await goDown();
    for (let n = 0; n <= 10_000; n++) limiter.consume({ account: `a${n}`, category: 'legs' });
    store.manner = 'well';
    await pass(5000);
    for (const account of ['a0', 'a10000']) {
      expect(await consume(3, account)).toMatchObject({ allowed: false, source: 'local' });
      expect(await consume(2, account)).toMatchObject({ allowed: true, source: 'store' });
    }
    expect(await consume(3, 'another')).toMatchObject({ allowed: true, source: 'store' });
    await pass(3_600_000);
    expect(await consume(3, 'a10000')).toMatchObject({ allowed: true, source: 'store' });
  });
});
