import { type Decision, perHour, perMinute, RateLimiter, StoreError } from '@tollgate/core';
import { isPromise } from '@tollgate/core/kit';
import { describe, expect, it } from 'vitest';
import { FailingStore, type Manner } from '../failing-store.js';
import { CHARGE, failingWorld, fakeTime, IMMEDIATE_MS, pass } from '../failing-world.js';

const FAILURES: Manner[] = ['hang', 'refuse', 'unknown', 'throw', 'garbage', 'nothing'];

describe('a charge that the store fails', () => {
  fakeTime();

  it.each(FAILURES)('is decided locally by default: %s', async (manner) => {
    const { consume, store, within } = failingWorld();
    store.manner = manner;
    for (const remaining of [2, 1, 0]) {
      const decision = await within(100, consume());
      expect(decision).toMatchObject({ allowed: true, reason: 'admitted', source: 'local', quotas: [{ remaining }] });
    }
    const refused = await within(100, consume());
    expect(refused).toMatchObject({
      allowed: false,
      reason: 'limit-reached',
      source: 'local',
      retryAfterMs: 3_600_000 - (manner === 'hang' ? 303 : 0),
    });
    expect(refused.quotas).toMatchObject([{ limit: 3, used: 3 }]);
  });

  it.each(FAILURES)('passes unchecked if the policy says allow: %s', async (manner) => {
    const { consume, store, within } = failingWorld({ onStoreFailure: 'allow' });
    store.manner = manner;
    for (let times = 0; times < 7; times++) {
      const decision = await within(100, consume(9));
      expect(decision).toMatchObject({
        allowed: true,
        reason: 'store-unavailable',
        source: 'none',
        retryAfterMs: 0,
        quotas: [],
        receipt: undefined,
        tightest: undefined,
      });
      expect(JSON.parse(JSON.stringify(decision))).toMatchObject({ source: 'none', reason: 'store-unavailable' });
    }
  });

  it.each(FAILURES)('is refused if the policy says deny: %s', async (manner) => {
    const { consume, store, within } = failingWorld({ onStoreFailure: 'deny' });
    store.manner = manner;
    for (let times = 0; times < 7; times++) {
      const decision = await within(100, consume());
      expect(decision).toMatchObject({ allowed: false, reason: 'store-unavailable', source: 'none', quotas: [] });
      expect(decision.retryAfterMs).toBeGreaterThanOrEqual(1);
      expect(decision.retryAfterMs).toBeLessThanOrEqual(200);
    }
  });

  it.each(FAILURES)('is decided by the mode of its category: %s', async (manner) => {
    const { limiter, store, within } = failingWorld({
      onStoreFailure: { default: 'deny', categories: { legs: 'allow', bridges: 'local' } },
    });
    store.manner = manner;
    const decide = async (category: string) => within(100, Promise.resolve(limiter.consume({ ...CHARGE, category })));
    expect(await decide('legs')).toMatchObject({ allowed: true, source: 'none' });
    expect(await decide('bridges')).toMatchObject({ allowed: true, source: 'local' });
    expect(await decide('events')).toMatchObject({ allowed: false, source: 'none' });
  });

  it.each(FAILURES)('can be peeked in the same mode, without a trace: %s', async (manner) => {
    for (const [onStoreFailure, expected] of [
      ['local', { allowed: true, source: 'local' }],
      ['allow', { allowed: true, source: 'none', reason: 'store-unavailable' }],
      ['deny', { allowed: false, source: 'none', reason: 'store-unavailable' }],
    ] as const) {
      const { limiter, local, store, within } = failingWorld({ onStoreFailure });
      store.manner = manner;
      for (let times = 0; times < 7; times++) {
        expect(await within(100, Promise.resolve(limiter.peek(CHARGE)))).toMatchObject(expected);
      }
      expect(local.stats().counters).toBe(0);
      expect(limiter.health()).toMatchObject({ decidedLocally: 0, allowedUnchecked: 0, deniedUnchecked: 0 });
    }
  });

  it('is decided at the deadline, and not earlier', async () => {
    for (const [options, timeoutMs] of [
      [{}, 100],
      [{ timeoutMs: 30 }, 30],
      [{ timeoutMs: 2000 }, 2000],
    ] as const) {
      const { consume, store } = failingWorld({}, options);
      store.manner = 'hang';
      let decided: Decision | undefined;
      consume().then((decision) => {
        decided = decision;
      });
      await pass(timeoutMs - 1);
      expect(decided).toBeUndefined();
      await pass(1 + IMMEDIATE_MS);
      expect(decided).toMatchObject({ source: 'local' });
    }
  });

  it('waits for the timeout of the limiter, or else of the store', async () => {
    const store = Object.assign(new FailingStore(), { timeoutMs: 7 });
    store.manner = 'hang';
    const policy = { quotas: [perMinute(1)] };
    for (const [options, timeoutMs] of [
      [{ policy, store }, 7],
      [{ policy, store, timeoutMs: 9 }, 9],
    ] as const) {
      const decision = Promise.resolve(new RateLimiter(options).consume(CHARGE));
      let decided = false;
      decision.then(() => {
        decided = true;
      });
      await pass(timeoutMs - 1);
      expect(decided).toBe(false);
      await pass(1 + IMMEDIATE_MS);
      expect(decided).toBe(true);
    }
    for (const timeoutMs of [0, 1.5, 60_001, Number.NaN]) {
      expect(() => new RateLimiter({ policy, timeoutMs })).toThrow(/`timeoutMs`/);
      expect(() => new RateLimiter({ policy, store: Object.assign(new FailingStore(), { timeoutMs }) })).toThrow(
        /`store.timeoutMs`/,
      );
    }
    expect(() => new RateLimiter({ policy, localStore: {} as never })).toThrow(/`localStore`.*MemoryStore/);
  });

  it('counts what the store had admitted before', async () => {
    const { consume, store } = failingWorld();
    await consume(2);
    store.manner = 'refuse';
    expect(await consume()).toMatchObject({ allowed: true, source: 'local' });
    expect(await consume()).toMatchObject({ allowed: false, source: 'local' });
  });

  it('is limited to the local share', async () => {
    const share = (localShare: number, limit: number) =>
      failingWorld({ localShare, quotas: [perHour(limit)] }).limiter.peek(CHARGE);
    const cases = [
      [1, 100, 100],
      [0.5, 3, 1],
      [0.29, 100, 29],
      [1 / 49, 98, 2],
      [1 / 3, 10, 3],
      [0.001, 10, 1],
      [0.5, 0, 0],
    ] as const;
    for (const [localShare, limit, local] of cases) {
      const { limiter, store } = failingWorld({ localShare, quotas: [perHour(limit)] });
      store.manner = 'refuse';
      expect(await limiter.peek(CHARGE)).toMatchObject({ quotas: [{ limit: local }] });
      expect(await share(localShare, limit)).toMatchObject({ source: 'store', quotas: [{ limit }] });
    }
  });

  it('throws the mistakes of the program to the caller', async () => {
    const { consume, limiter, store } = failingWorld();
    store.close();
    for (let times = 0; times < 7; times++) await expect(consume()).rejects.toMatchObject({ code: 'TOLLGATE_CLOSED' });
    expect(limiter.health()).toMatchObject({ state: 'up', failures: 0 });
  });

  it('is decided at once if the store throws at once', () => {
    const { limiter, store } = failingWorld();
    store.manner = 'throw';
    const decision = limiter.consume(CHARGE);
    expect(isPromise(decision)).toBe(false);
    expect(decision).toMatchObject({ allowed: true, source: 'local' });
  });

  it('recognizes a StoreError of any copy of the package', async () => {
    const { limiter, store } = failingWorld();
    const { receipt } = await limiter.consume(CHARGE);
    const error = new StoreError('gone', { charged: 'no', cause: 7 });
    expect(error).toMatchObject({ name: 'StoreError', code: 'TOLLGATE_STORE_FAILED', charged: 'no', cause: 7 });
    const foreign = Object.assign(new Error('gone'), { code: 'TOLLGATE_STORE_FAILED', charged: 'no' });
    store.refund = () => Promise.reject(foreign);
    await expect(limiter.refund(receipt!)).rejects.toBe(foreign);
  });
});

describe('no quota at all', () => {
  it('does not call the store', () => {
    const { limiter, store } = failingWorld({ categories: { legs: 'unlimited' }, onStoreFailure: 'deny' });
    expect(limiter.consume(CHARGE)).toMatchObject({ allowed: true, reason: 'admitted', source: 'none' });
    expect(store.asked).toEqual([]);
  });
});
