import { perHour } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { CHARGE, failingWorld, fakeTime, IMMEDIATE_MS, pass } from '../failing-world.js';

describe('an answer that comes too late', () => {
  fakeTime();

  /** One charge that is decided without the store, while the store has executed it but not answered. */
  async function late(policy: Parameters<typeof failingWorld>[0] = {}, cost = 1) {
    const world = failingWorld(policy);
    const prepare = async () => {
      world.store.manner = 'hold';
      return world.within(100, world.consume(cost));
    };
    const release = async () => {
      world.store.manner = 'well';
      world.store.release();
      await pass(1000);
    };
    return { ...world, prepare, release };
  }

  it('admitted by the store and here: it counts once', async () => {
    const { prepare, release, store, stored } = await late();
    expect(await prepare()).toMatchObject({ allowed: true, source: 'local' });
    await release();
    expect(stored()).toBe(1);
    expect(store.countOf('record') + store.countOf('refund')).toBe(0);
  });

  it('refused by the store, admitted here: it is recorded in the store with its true age', async () => {
    const { limiter, prepare, release, store, stored } = await late();
    store.memory.record('ameyo5m', [{ name: 'legs', quotas: [perHour(3)] }], 3, 0);
    expect(await prepare()).toMatchObject({ allowed: true, source: 'local' });
    await pass(5000);
    await release();
    expect(stored()).toBe(4);
    expect(limiter.health().writeBack).toEqual({ pending: 0, written: 1, dropped: 0 });
    // It was admitted at the deadline, and leaves the window that much later than the others.
    const deadlineMs = 100 + IMMEDIATE_MS;
    await pass(3_600_000 - deadlineMs - 5000 - 1000 - 1);
    expect(stored()).toBe(4);
    await pass(1);
    expect(stored()).toBe(1);
    await pass(deadlineMs - 1);
    expect(stored()).toBe(1);
    await pass(1);
    expect(stored()).toBe(0);
  });

  it('admitted by the store, refused here: it is refunded', async () => {
    const { consume, prepare, release, stored } = await late({ localShare: 0.4 });
    await consume();
    expect(await prepare()).toMatchObject({ allowed: false, source: 'local' });
    expect(stored()).toBe(2);
    await release();
    expect(stored()).toBe(1);
  });

  it('admitted by the store, refused as unavailable here: it is refunded', async () => {
    const { prepare, release, stored } = await late({ onStoreFailure: 'deny' });
    expect(await prepare()).toMatchObject({ allowed: false });
    await release();
    expect(stored()).toBe(0);
  });

  it('admitted by the store, passed unchecked here: it stays', async () => {
    const { prepare, release, stored } = await late({ onStoreFailure: 'allow' });
    expect(await prepare()).toMatchObject({ allowed: true });
    await release();
    expect(stored()).toBe(1);
  });

  it('a failure that may have charged: it is not recorded again', async () => {
    const { consume, limiter, store, within } = failingWorld();
    store.consume = async () => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      throw new Error('the line went dead');
    };
    expect(await within(100, consume())).toMatchObject({ allowed: true, source: 'local' });
    await pass(2000);
    expect(store.countOf('record')).toBe(0);
    expect(limiter.health().writeBack).toEqual({ pending: 0, written: 0, dropped: 0 });
  });

  it('a failure that has not charged: it is recorded in the store', async () => {
    const { consume, store, stored, within } = failingWorld();
    const { consume: real } = store;
    store.consume = async (...charge) => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      store.manner = 'refuse';
      const answer = real.apply(store, charge);
      store.manner = 'well';
      return answer;
    };
    expect(await within(100, consume(2))).toMatchObject({ allowed: true, source: 'local' });
    await pass(2000);
    expect(stored()).toBe(2);
  });

  it('admitted by the store after a refund here: it is refunded', async () => {
    const { limiter, local, prepare, release, stored } = await late();
    const { receipt } = await prepare();
    expect(await limiter.refund(receipt!)).toBe(true);
    expect(await limiter.refund(receipt!)).toBe(false);
    await release();
    expect(stored()).toBe(0);
    expect(local.peek('ameyo5m', [{ name: 'legs', quotas: [perHour(3)] }], 0).used).toEqual([0]);
  });

  it('refused by the store after a refund here: nothing is recorded', async () => {
    const { limiter, prepare, release, store, stored } = await late();
    store.memory.record('ameyo5m', [{ name: 'legs', quotas: [perHour(3)] }], 3, 0);
    const { receipt } = await prepare();
    await limiter.refund(receipt!);
    await release();
    expect(stored()).toBe(3);
    expect(limiter.health().writeBack.written).toBe(0);
  });

  it('admitted by the store, then refunded here: it is refunded', async () => {
    const { limiter, prepare, release, stored } = await late();
    const { receipt } = await prepare();
    await release();
    expect(stored()).toBe(1);
    expect(await limiter.refund(receipt!)).toBe(true);
    expect(stored()).toBe(0);
  });

  it('a late answer to a peek changes nothing', async () => {
    const { limiter, release, store, within } = await late();
    store.manner = 'hold';
    expect(await within(100, Promise.resolve(limiter.peek(CHARGE)))).toMatchObject({ source: 'local' });
    await release();
    expect(store.asked).toEqual(['peek']);
  });
});
