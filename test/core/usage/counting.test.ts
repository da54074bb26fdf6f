import { MemoryStore, perMinute, perSecond, RateLimiter } from '@tollgate/core';
import { MemoryUsage, type UsageQuestion } from '@tollgate/core/usage';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { minutesOf, sorted } from '../../contract/usage/oracle.js';
import { START_AT } from '../../contract/usage/requests.js';
import { runsFor } from '../../effort.js';
import { FailingStore } from '../failing-store.js';
import { usageWorld } from './world.js';

const FROM = START_AT;
const TO = START_AT + 86_400_000;
const policy = { quotas: [perMinute(4), perSecond(2)] };
const question: UsageQuestion = { account: 'ameyo5m', from: FROM, to: TO };

describe('usage', () => {
  it('agrees with a list of all requests, for several limiters, many minutes and any number of flushes', async () => {
    const step = fc.record({
      account: fc.constantFrom('a', 'b', '__proto__'),
      category: fc.constantFrom('legs', 'actions'),
      limiter: fc.nat(2),
      cost: fc.constantFrom(0, 1, 1, 2, 5),
      waitMs: fc.constantFrom(0, 0, 1, 400, 1000, 20_000, 59_999, 60_000, 3_600_000),
      flushes: fc.constantFrom(false, false, false, true),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), fc.boolean(), async (steps, observed) => {
        const mode = observed ? 'observe' : 'enforce';
        const { consume, limiter, limiterOf, requests, store, time } = usageWorld({ policy: { ...policy, mode } });
        const limiters = [limiter, limiterOf(), limiterOf()];
        const flush = () => Promise.all(limiters.map((one) => one.usage(question)));
        for (const { waitMs, flushes, limiter, ...charge } of steps) {
          // Parts of a minute come within five minutes of each other.
          if (waitMs >= 20_000) await flush();
          time.now += waitMs;
          consume(charge, limiters[limiter]!);
          if (flushes) await limiters[limiter]!.usage(question);
        }
        await flush();
        for (const account of ['a', 'b', '__proto__']) {
          expect(sorted(await store.read(account, FROM, FROM + 30 * 86_400_000))).toEqual(minutesOf(requests, account));
        }
        await Promise.all(limiters.map((one) => one.close()));
      }),
      { numRuns: runsFor(200) },
    );
  });

  it('counts a request in the minute of its instant: 59.999 in the one, 60.000 in the next', async () => {
    const { consume, limiter, store, time } = usageWorld({ policy });
    for (const offset of [0, 59_999, 60_000]) {
      time.now = START_AT + offset;
      consume();
    }
    await limiter.usage(question);
    expect(await store.read('ameyo5m', FROM, TO)).toMatchObject([
      { minuteAt: START_AT, admitted: 2 },
      { minuteAt: START_AT + 60_000, admitted: 1 },
    ]);
  });

  it('counts a request in the minute that the clock shows, also when the clock is set back', async () => {
    const { consume, limiter, requests, store, time } = usageWorld({ policy: { quotas: 'unlimited' } });
    for (let number = 0; number < 1000; number++) {
      time.now = START_AT + 600_000 + (number % 7) * 1000 - (number % 3) * 60_000;
      consume();
    }
    await limiter.usage(question);
    expect(sorted(await store.read('ameyo5m', FROM, TO))).toEqual(minutesOf(requests, 'ameyo5m'));
  });

  it('reads the clock once a second, and stops when no request comes', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: START_AT + 57_300 });
    onTestFinished(() => void vi.useRealTimers());
    const store = new MemoryUsage();
    const limiter = new RateLimiter({ policy: { quotas: 'unlimited' }, usage: { store, flushMs: 5000 } });
    const consume = (times: number) => {
      for (let time = 0; time < times; time++) limiter.consume({ account: 'ameyo5m', category: 'legs' });
    };
    consume(3);
    await vi.advanceTimersByTimeAsync(699);
    consume(2);
    await vi.advanceTimersByTimeAsync(1);
    consume(4);
    await vi.advanceTimersByTimeAsync(2000);
    consume(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await store.read('ameyo5m', FROM, TO)).toMatchObject([
      { minuteAt: START_AT, admitted: 9, peakPerSecond: 5 },
      { minuteAt: START_AT + 60_000, admitted: 1, peakPerSecond: 1 },
    ]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(vi.getTimerCount()).toBe(0);
    consume(2);
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    await limiter.close();
    expect(vi.getTimerCount()).toBe(0);
    expect(await store.read('ameyo5m', START_AT + 60_000, TO)).toMatchObject([{ admitted: 3, peakPerSecond: 2 }]);
  });

  it('counts requests without limits and decisions without the store, but no peek', async () => {
    const usage = new MemoryUsage();
    const store = new FailingStore();
    const limiter = new RateLimiter({
      policy: {
        quotas: [perMinute(1)],
        categories: { free: 'unlimited' },
        known: { categories: ['legs', 'open', 'shut'] },
        onStoreFailure: { default: 'local', categories: { open: 'allow', shut: 'deny' } },
      },
      store,
      usage: { store: usage },
    });
    onTestFinished(async () => limiter.close());
    const consume = (category: string) => limiter.consume({ account: 'ameyo5m', category });
    await consume('free');
    await limiter.peek({ account: 'ameyo5m', category: 'legs' });
    limiter.suspend();
    await consume('legs');
    limiter.resume();
    store.manner = 'refuse';
    for (const category of ['legs', 'legs', 'open', 'shut']) await consume(category);
    const { categories, totals } = await limiter.usage({ account: 'ameyo5m' });
    expect(totals).toMatchObject({ requests: 6, admitted: 4, refused: 2 });
    expect(categories.map(({ category, admitted, refused }) => [category, admitted, refused])).toEqual([
      ['legs', 2, 1],
      ['free', 1, 0],
      ['open', 1, 0],
      ['shut', 0, 1],
    ]);
  });

  it('separates addresses from accounts that look like one', async () => {
    const { limiter } = usageWorld({ policy });
    limiter.consume({ address: '1.2.3.4', category: 'legs' });
    for (let time = 0; time < 2; time++) limiter.consume({ account: '@:1.2.3.4', category: 'legs' });
    for (let time = 0; time < 3; time++) limiter.consume({ account: '1.2.3.4', category: 'legs' });
    const requests = async (whose: UsageQuestion) =>
      (await limiter.usage({ ...whose, from: FROM, to: TO } as UsageQuestion)).totals.requests;
    expect(await requests({ address: '1.2.3.4' })).toBe(1);
    expect(await requests({ account: '@:1.2.3.4' })).toBe(2);
    expect(await requests({ account: '1.2.3.4' })).toBe(3);
  });

  it('needs no usage store in memory, and ends with its limiter', async () => {
    const limiter = new RateLimiter({ policy, store: new MemoryStore(), usage: true });
    limiter.consume({ account: 'ameyo5m', category: 'legs' });
    expect((await limiter.usage({ account: 'ameyo5m' })).totals.requests).toBe(1);
    await limiter.close();
    await expect(limiter.usage({ account: 'ameyo5m' })).rejects.toMatchObject({ code: 'TOLLGATE_CLOSED' });
  });

  it('is off by default', async () => {
    for (const usage of [undefined, false]) {
      const limiter = new RateLimiter({ policy, ...(usage !== undefined && { usage }) });
      limiter.consume({ account: 'ameyo5m', category: 'legs' });
      expect(limiter.stats().usage).toBeUndefined();
      await expect(limiter.usage(question)).rejects.toMatchObject({ code: 'TOLLGATE_OPTION_CONFLICT' });
      expect(limiter.close()).toBeUndefined();
    }
  });
});
