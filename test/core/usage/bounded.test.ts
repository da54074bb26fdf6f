import { MemoryStore, perMinute, RateLimiter } from '@tollgate/core';
import { identityOf, MemoryUsage, OTHER_ACCOUNTS, readUsage } from '@tollgate/core/usage';
import { describe, expect, it, onTestFinished } from 'vitest';
import { entriesOf, START_AT } from '../../contract/usage/requests.js';
import { countedBy, usageWorld } from './world.js';

const policy = { quotas: 'unlimited' } as const;

describe('the memory of usage', () => {
  it('is bounded between flushes for a million names, and counts the least used together', async () => {
    const { limiter, store } = usageWorld({ policy }, { maxEntries: 1000 });
    const padding = '}{\0'.repeat(60);
    const busy = Array.from({ length: 20 }, (_, index) => `busy ${index}`);
    for (let number = 0; number < 1_000_000; number++) {
      limiter.consume({ account: `${padding}${number}`, category: number % 2 === 0 ? 'legs' : 'calls' });
      if (number % 1000 === 0) for (const account of busy) limiter.consume({ account, category: 'legs' });
    }
    expect(limiter.stats().usage).toEqual({ pending: 1_020_000, stored: 0, dropped: 0, lost: 0 });
    const span = { from: START_AT, to: START_AT + 60_000 };
    for (const account of busy) {
      // A busy account may lose its place before its second request, with odds of 0.63 each time. Then it has it again.
      const { requests } = (await limiter.usage({ account, ...span })).totals;
      expect(requests).toBeGreaterThan(970);
      expect(requests).toBeLessThanOrEqual(1000);
    }
    expect(limiter.stats().usage).toEqual({ pending: 0, stored: 1_020_000, dropped: 0, lost: 0 });
    const others = await limiter.usage({ account: OTHER_ACCOUNTS, ...span });
    expect(others.totals.requests).toBeGreaterThanOrEqual(1_000_000);
    expect(others.categories.map(({ category }) => category).sort()).toEqual(['calls', 'legs']);
    // Nothing is kept for an account with a single request.
    expect((store as MemoryUsage).stats().minutes).toBeLessThanOrEqual(22);
  });

  it('keeps an account with a few requests apart, where there is no crowd', async () => {
    const { limiter } = usageWorld({ policy }, { maxEntries: 1000 });
    for (let number = 0; number < 500; number++) limiter.consume({ account: `a${number}`, category: 'legs' });
    for (let number = 0; number < 500; number += 100) {
      const { totals } = await limiter.usage({ account: `a${number}`, from: START_AT, to: START_AT + 60_000 });
      expect(totals.requests).toBe(1);
    }
  });

  it('of a limiter with a name is its own, and others are those beside it', async () => {
    const store = new MemoryUsage();
    const of = (name: string | undefined) => {
      const limiter = new RateLimiter({ ...(name !== undefined && { name }), policy, usage: { store } });
      onTestFinished(async () => limiter.close());
      return limiter;
    };
    const [login, plain] = [of('login'), of(undefined)];
    for (let time = 0; time < 3; time++) await login.consume({ account: 'acme', category: 'legs' });
    await plain.consume({ account: 'acme', category: 'legs' });
    await plain.consume({ account: '@*login/acme', category: 'legs' });
    const requests = async (limiter: RateLimiter, more: object = {}) =>
      (await limiter.usage({ account: 'acme', ...more })).totals.requests;
    expect([await requests(login), await requests(plain)]).toEqual([3, 1]);
    expect(await requests(plain, { limiter: 'login' })).toBe(3);
    expect((await readUsage(store, { account: 'acme', limiter: 'login' })).totals.requests).toBe(3);
    expect([identityOf('@*login/acme'), identityOf('@*login/@:192.0.2.1'), identityOf('@@*login/acme')]).toEqual([
      { account: 'acme', limiter: 'login' },
      { address: '192.0.2.1', limiter: 'login' },
      { account: '@*login/acme' },
    ]);
  });

  it('is bounded through an outage of many minutes', async () => {
    const store = new MemoryUsage();
    const { limiter, time } = usageWorld({ policy }, { maxEntries: 50, store });
    for (let minute = 0; minute < 100; minute++) {
      time.now += 60_000;
      for (let number = 0; number < 3; number++) limiter.consume({ account: `a${number}`, category: 'legs' });
    }
    const { pending, dropped } = limiter.stats().usage!;
    expect(pending).toBe(50);
    expect(pending + dropped).toBe(300);
  });

  it('is bounded for an account with very many categories, and drops none of its requests', async () => {
    const { limiter } = usageWorld({ policy }, { maxEntries: 100 });
    for (let number = 0; number < 100_000; number++) limiter.consume({ account: 'a', category: `c${number}` });
    limiter.consume({ account: 'b', category: 'legs' });
    expect(limiter.stats().usage).toMatchObject({ pending: 100_001, dropped: 0 });
    const { categories, totals } = await limiter.usage({ account: 'a', from: START_AT, to: START_AT + 60_000 });
    expect(totals.requests).toBe(100_000);
    expect(categories).toHaveLength(65);
    expect(categories[0]).toMatchObject({ category: '', requests: 100_000 - 64 });
  });

  it('cuts very long names', async () => {
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(5)] }, store: new MemoryStore(), usage: true });
    const long = 'x'.repeat(1_000_000);
    for (const account of [long, `${long}y`]) limiter.consume({ account, category: `${long}z` });
    const report = await limiter.usage({ account: long });
    expect(report.totals.requests).toBe(1);
    expect(report.categories[0]!.category).toHaveLength(257);
    await limiter.close();
  });
});

describe('MemoryUsage', () => {
  const hour = 3_600_000;
  const one = (account: string, at: number) => entriesOf([{ account, category: 'legs', at, answer: 'admitted' }]);

  it('evicts the oldest hour first, and adds no minute to an hour that fills it alone', async () => {
    const store = new MemoryUsage({ maxMinutes: 10, clock: () => START_AT });
    for (let number = 0; number < 6; number++) store.add(one('a', START_AT + number * 60_000));
    for (let number = 0; number < 6; number++) store.add(one('a', START_AT + hour + number * 60_000));
    expect(store.stats()).toEqual({ minutes: 6, maxMinutes: 10, evicted: 6, joined: 0 });
    expect(store.read('a', START_AT, START_AT + hour)).toEqual([]);
  });

  it('counts the least used accounts of a crowded hour together, keeps the busy ones, and drops nothing', () => {
    const store = new MemoryUsage({ maxMinutes: 2000, clock: () => START_AT });
    const busy = ['acme', 'globex', 'initech'];
    const from = START_AT + hour;
    store.add(one('acme', START_AT));
    let invented = 0;
    for (let minute = 0; minute < 60; minute++) {
      for (const account of busy) for (let time = 0; time < 5; time++) store.add(one(account, from + minute * 60_000));
      for (let number = 0; number < 1000; number++) {
        const added = store.add(one(`invented ${invented++}`, from + minute * 60_000));
        expect(added).toBeUndefined();
      }
    }
    const requests = (account: string) => {
      return store.read(account, from, from + hour).reduce((sum, { admitted, refused }) => sum + admitted + refused, 0);
    };
    for (const account of busy) expect(requests(account)).toBe(300);
    let left = 0;
    for (let number = 0; number < invented; number++) left += requests(`invented ${number}`);
    expect(left + requests('_OTHER')).toBe(60_000);
    expect(left).toBeLessThan(2000);
    expect(store.stats().minutes).toBeLessThanOrEqual(2000);
    // The hour before is history that the crowd has not pushed out.
    expect(store.read('acme', START_AT, from)).toHaveLength(1);
    expect(store.stats().evicted).toBe(0);
  });

  it('forgets what is older than `keepDays`', () => {
    const time = { now: START_AT };
    const store = new MemoryUsage({ keepDays: 1, clock: () => time.now });
    store.add(one('a', START_AT));
    time.now += 25 * hour;
    store.add(one('a', time.now));
    expect(store.stats()).toMatchObject({ minutes: 1, evicted: 0 });
    expect(store.read('a', START_AT, START_AT + hour)).toEqual([]);
  });
});

it('stats count every request as pending, stored, dropped or lost', async () => {
  const { consume, limiter, requests } = usageWorld({ policy }, { maxEntries: 2 });
  for (const account of ['a', 'b', 'c', 'a']) consume({ account });
  expect(countedBy(limiter)).toBe(requests.length);
});
