import { type Decision, MemoryStore, perHour, perMinute, RateLimiter, type Store } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { failingWorld, fakeTime, pass } from '../failing-world.js';
import { liveWorld } from '../live-limiter.js';

const throttle = { afterViolations: 2, withinMs: 60_000, forMs: 300_000, factor: 0.5 };
/** What a decision reports at the beginning of the throttling. */
const IN_FULL = { endsAfterMs: 300_000, factor: 0.5, scope: 'category' };

describe('a throttled account', () => {
  it('gets decisions with the end of the throttling and the shrunk limits', () => {
    const { allowed, consume, limiter, time } = liveWorld({ policy: { quotas: [perMinute(4)], throttle } });
    const published: Decision[] = [];
    limiter.on('throttled', (decision) => published.push(decision));
    expect(allowed(5)).toEqual([true, true, true, true, false]);
    expect(published).toEqual([]);
    const began = consume();
    expect(published).toEqual([began]);
    expect(began).toMatchObject({
      allowed: false,
      reason: 'limit-reached',
      beganThrottling: true,
      throttled: { endsAfterMs: 300_000, factor: 0.5, scope: 'category' },
      tightest: { limit: 2, used: 4, remaining: 0 },
    });
    expect(JSON.parse(JSON.stringify(began)).throttled).toEqual({
      endsAfterMs: 300_000,
      factor: 0.5,
      scope: 'category',
    });
    time.now += 60_000;
    expect(allowed(2)).toEqual([true, true]);
    expect(consume()).toMatchObject({
      allowed: false,
      reason: 'throttled',
      beganThrottling: false,
      retryAfterMs: 60_000,
    });
    expect(consume({ category: 'actions' }).throttled).toBeUndefined();
    time.now += 239_999;
    expect(consume().throttled).toMatchObject({ endsAfterMs: 1 });
    time.now += 1;
    expect(consume()).toMatchObject({ throttled: undefined, tightest: { limit: 4 } });
    expect(limiter.stats().throttlings).toBe(1);
  });

  it('gets the throttling of its total in the decision', () => {
    const { allowed, consume } = liveWorld({ policy: { quotas: [perMinute(9)], total: [perMinute(1)], throttle } });
    allowed(3);
    expect(consume({ category: 'actions' }).throttled).toMatchObject({ scope: 'total' });
    expect(consume()).toMatchObject({ quotas: [{ limit: 9 }, { limit: 1 }] });
  });

  it('is blocked by a factor of 0 until the end', () => {
    const { allowed, consume, time } = liveWorld({
      policy: { quotas: [perMinute(1)], throttle: { ...throttle, factor: 0 } },
    });
    allowed(3);
    time.now += 60_000;
    expect(consume()).toMatchObject({ allowed: false, reason: 'throttled', retryAfterMs: 240_000 });
    expect(consume({ cost: 2 })).toMatchObject({ reason: 'cost-above-limit', retryAfterMs: null });
    time.now += 240_000;
    expect(consume().allowed).toBe(true);
  });

  it('can be pardoned in one category or in all, and keeps its used cost', () => {
    const { allowed, consume, limiter } = liveWorld({ policy: { quotas: [perMinute(4)], throttle } });
    for (const category of ['legs', 'actions']) allowed(6, { category });
    limiter.pardon({ account: 'ameyo5m', category: 'legs' });
    expect(consume()).toMatchObject({ throttled: undefined, tightest: { limit: 4, used: 4 } });
    expect(consume({ category: 'actions' }).throttled).toEqual(IN_FULL);
    limiter.pardon({ account: 'ameyo5m' });
    expect(consume({ category: 'actions' }).throttled).toBeUndefined();
    expect(consume({ category: 'actions' }).throttled).toEqual(IN_FULL);
  });

  it('that is an address is throttled and pardoned like any other', () => {
    const { limiter } = liveWorld({ policy: { quotas: [perMinute(1)], throttle } });
    const charge = { address: '192.0.2.1', category: 'legs' };
    for (let times = 0; times < 3; times++) limiter.consume(charge);
    expect((limiter.peek(charge) as Decision).throttled).toEqual(IN_FULL);
    limiter.pardon({ address: '192.0.2.1' });
    expect((limiter.peek(charge) as Decision).throttled).toBeUndefined();
  });

  it('needs a store with throttling, else the policy is refused', () => {
    const memory = new MemoryStore();
    const { consume, peek, refund, reset, close } = MemoryStore.prototype;
    const store = Object.fromEntries(
      Object.entries({ consume, peek, refund, reset, close }).map(([name, method]) => [name, method.bind(memory)]),
    ) as unknown as Store;
    const conflict = expect.objectContaining({ code: 'TOLLGATE_OPTION_CONFLICT' });
    const policy = { quotas: [perMinute(1)] };
    for (const throttled of [
      { ...policy, throttle },
      { ...policy, categories: { legs: { throttle } } },
      { ...policy, plans: { gold: { throttle } } },
      { ...policy, accounts: { acme: { categories: { legs: { throttle } } } } },
    ]) {
      expect(() => new RateLimiter({ policy: throttled, store })).toThrow(conflict);
      const limiter = new RateLimiter({ policy, store });
      expect(() => limiter.setPolicy(throttled)).toThrow(conflict);
      expect(() => limiter.setCandidate(throttled)).toThrow(conflict);
    }
  });
});

describe('a throttled account while the store fails', () => {
  fakeTime();

  it('stays throttled in this process, and a pardon applies here too', async () => {
    const { consume, goDown, limiter } = failingWorld({ quotas: [perHour(4)], throttle });
    for (let times = 0; times < 6; times++) await consume();
    await goDown();
    expect(await consume()).toMatchObject({
      source: 'local',
      allowed: false,
      throttled: { endsAfterMs: expect.any(Number) },
      tightest: { limit: 2, used: 4 },
    });
    await expect(limiter.pardon({ account: 'ameyo5m' })).rejects.toMatchObject({ code: 'TOLLGATE_STORE_FAILED' });
    expect(await consume()).toMatchObject({ source: 'local', throttled: undefined });
  });

  it('is no longer throttled after the store has answered so', async () => {
    const { consume, goDown, limiter, store } = failingWorld({ quotas: [perHour(4)], throttle });
    for (let times = 0; times < 6; times++) await consume();
    // Like another process.
    store.memory.pardon('ameyo5m');
    expect(await consume()).toMatchObject({ source: 'store', throttled: undefined });
    await goDown();
    expect(await consume()).toMatchObject({ source: 'local', throttled: undefined });
    expect(limiter.health().state).toBe('down');
    await pass(1);
  });
});
