import { MemoryStore, Quota, Throttle } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsFor } from '../../effort.js';
import { memoryInUse } from '../memory-in-use.js';

function storeOf(maxCounters: number) {
  const time = { now: 1e6 };
  return { time, store: new MemoryStore({ maxCounters, clock: () => time.now }) };
}

const counterOf = (limit: number, windowMs = 60_000, name = 'legs') => [
  { name, quotas: [new Quota({ limit, windowMs })] },
];

describe('MemoryStore', () => {
  it('P8 bounded: never has more than maxCounters counters, and counts each eviction', () => {
    const charge = fc.record({
      account: fc.nat(40),
      name: fc.constantFrom('legs', 'actions', '__proto__'),
      both: fc.boolean(),
      windowMs: fc.constantFrom(100, 1000, 60_000),
      wait: fc.constantFrom(0, 0, 0, 1, 99, 100, 1000),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 12 }),
        fc.array(charge, { maxLength: 200, size: 'max' }),
        (cap, charges) => {
          const { store, time } = storeOf(cap);
          const expiresAt = new Map<string, number>();
          let begun = 0;
          for (const { account, name, both, windowMs, wait } of charges) {
            time.now += wait;
            const counters = [...counterOf(5, windowMs, name), ...(both ? counterOf(9, windowMs, '*') : [])];
            const outcome = store.consume(`a${account}`, counters, 1);
            const { counters: count, evictedExpired, evictedUnexpired } = store.stats();
            expect(count).toBeLessThanOrEqual(cap);
            if (outcome.allowed) {
              for (const [index, counter] of counters.entries()) {
                if (outcome.used[index] === 1) begun++;
                expiresAt.set(`${account} ${counter.name}`, time.now + windowMs);
              }
            }
            // A counter with 1 used may be an old one whose other cost has left.
            expect(count + evictedExpired + evictedUnexpired).toBeLessThanOrEqual(begun);
            const alive = [...expiresAt.values()].filter((at) => at > time.now).length;
            if (expiresAt.size <= cap) {
              expect(evictedUnexpired).toBe(0);
              expect(count).toBeGreaterThanOrEqual(alive);
            }
          }
        },
      ),
      { numRuns: runsFor(200) },
    );
  });

  it('P8 bounded: the two counters of one charge never evict each other', () => {
    const { store, time } = storeOf(4);
    // Two fuller counters, which stay.
    for (const account of ['full1', 'full2']) store.consume(account, counterOf(3), 3);
    const both = [...counterOf(3), ...counterOf(3, 60_000, '*')];
    for (let account = 0; account < 20; account++) {
      expect(store.consume(`a${account}`, both, 1).used).toEqual([1, 1]);
      expect(store.consume(`a${account}`, both, 1).used).toEqual([2, 2]);
      time.now++;
    }
    expect(store.stats()).toMatchObject({ counters: 4, evictedUnexpired: 38, evictedExpired: 0 });
  });

  it('P8 bounded: expired counters are evicted first, and counted separately', () => {
    const { store, time } = storeOf(100);
    for (let i = 0; i < 50; i++) store.consume(`short${i}`, counterOf(10, 1000), 1);
    for (let i = 0; i < 50; i++) store.consume(`long${i}`, counterOf(10, 60_000), 1);
    expect(store.stats()).toEqual({ counters: 100, maxCounters: 100, evictedExpired: 0, evictedUnexpired: 0 });
    time.now += 1000;
    for (let i = 0; i < 50; i++) store.consume(`new${i}`, counterOf(10, 60_000), 1);
    expect(store.stats()).toEqual({ counters: 100, maxCounters: 100, evictedExpired: 50, evictedUnexpired: 0 });
    for (let i = 0; i < 50; i++) expect(store.peek(`long${i}`, counterOf(10, 60_000), 1).used).toEqual([1]);
    store.consume('one more', counterOf(10, 60_000), 1);
    expect(store.stats()).toEqual({ counters: 100, maxCounters: 100, evictedExpired: 50, evictedUnexpired: 1 });
  });

  it('P8 bounded: a counter that was charged again has not expired', () => {
    const { store, time } = storeOf(10);
    for (let i = 0; i < 10; i++) store.consume(`a${i}`, counterOf(10, 1000), 1);
    time.now += 999;
    store.consume('a3', counterOf(10, 1000), 1);
    time.now += 1;
    for (let i = 0; i < 9; i++) store.consume(`new${i}`, counterOf(10, 1000), 1);
    expect(store.stats()).toEqual({ counters: 10, maxCounters: 10, evictedExpired: 9, evictedUnexpired: 0 });
    expect(store.peek('a3', counterOf(10, 1000), 1).used).toEqual([1]);
  });

  it('P8 bounded: the one expired counter is found behind a crowd that was charged again', () => {
    const { store, time } = storeOf(20);
    for (let i = 0; i < 20; i++) store.consume(`a${i}`, counterOf(10, 1000), 1);
    time.now += 999;
    for (let i = 0; i < 19; i++) store.consume(`a${i}`, counterOf(10, 1000), 1);
    time.now += 1;
    store.consume('new', counterOf(10, 1000), 1);
    expect(store.stats()).toMatchObject({ counters: 20, evictedExpired: 1, evictedUnexpired: 0 });
  });

  it('P8 bounded: a throttled account stays throttled through a flood of new accounts', () => {
    const { store } = storeOf(100);
    const throttle = new Throttle({ afterViolations: 1, withinMs: 60_000, forMs: 60_000, factor: 0 });
    const offender = counterOf(1).map((counter) => ({ ...counter, throttle }));
    const both = [...offender, ...offender.map((counter) => ({ ...counter, name: '*' }))];
    for (const cost of [1, 1]) store.consume('offender', both, cost);
    for (let i = 0; i < 5000; i++) store.consume(`flood${i}`, counterOf(1), 1);
    expect(store.peek('offender', both, 1)).toMatchObject({ allowed: false, throttledMs: [60_000, 60_000] });
    expect(store.stats().counters).toBe(100);
  });

  it.each([
    ['spread among others', 10],
    ['created one after another', 1],
  ])('P8 bounded: full counters outlive a flood of new accounts, %s', (_, every) => {
    const { store } = storeOf(200);
    const blocked = Array.from({ length: 20 }, (_, index) => `blocked${index}`);
    for (const [index, account] of blocked.entries()) {
      store.consume(account, counterOf(100), 100);
      for (let other = 1; other < every; other++) store.consume(`early${index} ${other}`, counterOf(100), 2);
    }
    for (let i = 0; i < 5000; i++) store.consume(`flood${i}`, counterOf(100), 1);
    const { counters, evictedUnexpired } = store.stats();
    expect(counters).toBe(200);
    expect(evictedUnexpired).toBe(20 * every + 5000 - 200);
    expect(blocked.filter((account) => store.peek(account, counterOf(100), 1).allowed)).toEqual([]);
  });

  it('P8 bounded: an offender of a limit of 1 outlives a flood of names that are as full', () => {
    for (let round = 0; round < 20; round++) {
      const { store } = storeOf(50);
      store.consume('offender', counterOf(1), 1);
      for (let i = 0; i < 2000; i++) store.consume(`flood${i}`, counterOf(1), 1);
      expect(store.consume('offender', counterOf(1), 1).allowed).toBe(false);
      expect(store.stats()).toMatchObject({ counters: 50, evictedUnexpired: 2001 - 50 });
    }
  });

  it('P8 bounded: long names of accounts and counters take no more memory than short ones', () => {
    const bytesOf = (account: (index: number) => string, name: (index: number) => string) => {
      const { store } = storeOf(1_000_000);
      const before = memoryInUse();
      for (let index = 0; index < 20_000; index++) store.consume(account(index), counterOf(5, 60_000, name(index)), 1);
      const used = memoryInUse() - before;
      expect(store.stats().counters).toBe(20_000);
      return used / 20_000;
    };
    const long = 'é\u4e00'.repeat(120);
    const short = bytesOf(
      (index) => `account${index}`,
      (index) => `c${index}`,
    );
    expect(
      bytesOf(
        (index) => `${long}${index}`,
        (index) => `${long}${index}`,
      ),
    ).toBeLessThan(short + 400);
  });

  it('P8 bounded: names of 10 MB are not kept', () => {
    const { store } = storeOf(1000);
    const nameOf = (index: number) => `${String.fromCharCode(97 + index)}${'x'.repeat(10_000_000)}`;
    const allowed = (index: number) => store.consume(nameOf(index), counterOf(1), 1).allowed;
    const before = memoryInUse();
    for (let index = 0; index < 8; index++) {
      expect(allowed(index)).toBe(true);
      expect(store.consume('a', counterOf(1, 60_000, nameOf(index)), 1).allowed).toBe(true);
    }
    // Kept, they would be 160 MB. Other tests share the process.
    expect(memoryInUse() - before).toBeLessThan(100_000_000);
    for (let index = 0; index < 8; index++) expect(allowed(index)).toBe(false);
  });

  it('a reset of one account does not walk the categories of all', () => {
    const { store } = storeOf(1_000_000);
    for (let index = 0; index < 200_000; index++) store.consume(`a${index}`, counterOf(5, 60_000, `c${index}`), 1);
    for (let index = 0; index < 1000; index++) store.consume('own', counterOf(5, 60_000, `c${index}`), 1);
    const times: number[] = [];
    for (let round = 0; round < 15; round++) {
      const startedAt = performance.now();
      store.reset(`a${round}`);
      times.push(performance.now() - startedAt);
    }
    expect(times.sort((one, other) => one - other)[7]).toBeLessThan(10);
    store.reset('own');
    expect(store.stats().counters).toBe(200_000 - 15);
  });

  it('P8 bounded: the fullest quota decides how full a counter is', () => {
    const { store } = storeOf(4);
    const burst = [
      { name: 'legs', quotas: [new Quota({ limit: 1000, windowMs: 60_000 }), new Quota({ limit: 2, windowMs: 1000 })] },
    ];
    store.consume('blocked', burst, 2);
    for (let i = 0; i < 100; i++) store.consume(`flood${i}`, counterOf(10), 5);
    expect(store.peek('blocked', burst, 1).allowed).toBe(false);
  });

  it('refund does not change a counter that was evicted and created again', () => {
    const { store } = storeOf(4);
    const outcome = store.consume('a', counterOf(9), 3);
    for (const full of ['b', 'b2', 'b3']) store.consume(full, counterOf(9), 9);
    // The sample of one eviction may lack the counter.
    for (let other = 0; store.peek('a', counterOf(9), 0).used[0] !== 0 && other < 100; other++) {
      store.consume(`c${other}`, counterOf(9), 9);
    }
    expect(store.peek('a', counterOf(9), 0).used).toEqual([0]);
    store.consume('d', counterOf(99), 1);
    store.reset('d');
    store.consume('a', counterOf(9), 4);
    store.refund('a', counterOf(9), 3, outcome);
    expect(store.peek('a', counterOf(9), 0).used).toEqual([4]);
  });

  it('P8 bounded: every call evicts a few expired counters, which need not be charged again', () => {
    const { store, time } = storeOf(1000);
    for (let i = 0; i < 400; i++) store.consume(`a${i}`, counterOf(10, 1000), 1);
    time.now += 1000;
    for (let i = 0; i < 100; i++) store.consume('b', counterOf(1000, 60_000), 1);
    expect(store.stats()).toEqual({ counters: 1, maxCounters: 1000, evictedExpired: 400, evictedUnexpired: 0 });
  });

  it('peek neither creates a counter nor lengthens its life', () => {
    const { store, time } = storeOf(10);
    store.peek('a', counterOf(10), 1);
    expect(store.stats().counters).toBe(0);
    store.consume('a', counterOf(10, 1000), 1);
    time.now += 999;
    store.peek('a', counterOf(10, 60_000), 1);
    time.now += 1;
    store.consume('b', counterOf(10), 1);
    expect(store.stats()).toMatchObject({ counters: 1, evictedExpired: 1 });
  });

  it('a refused charge creates no counter', () => {
    const { store } = storeOf(10);
    expect(store.consume('a', counterOf(0), 1)).toMatchObject({ allowed: false, used: [0] });
    expect(store.consume('a', counterOf(2), 3)).toMatchObject({ allowed: false, used: [0] });
    expect(store.consume('a', counterOf(2), 0)).toMatchObject({ allowed: true, used: [0] });
    expect(store.stats().counters).toBe(0);
  });

  it('forgets counters that are reset', () => {
    const { store } = storeOf(10);
    for (const name of ['legs', 'actions', '*']) store.consume('a', counterOf(2, 1000, name), 1);
    store.consume('b', counterOf(2, 1000), 1);
    store.reset('a', 'legs');
    store.reset('a', 'unheard of');
    expect(store.stats().counters).toBe(3);
    store.reset('a');
    expect(store.stats()).toMatchObject({ counters: 1, evictedExpired: 0, evictedUnexpired: 0 });
    expect(store.peek('b', counterOf(2, 1000), 0).used).toEqual([1]);
  });

  it('rounds instants down to whole milliseconds', () => {
    let now = 10.9;
    const store = new MemoryStore({ clock: () => now });
    expect(store.consume('a', counterOf(1, 100), 1)).toMatchObject({ allowed: true, now: 10 });
    now = 109.99;
    expect(store.consume('a', counterOf(1, 100), 1)).toMatchObject({ allowed: false, now: 109, retryAfterMs: 1 });
    now = 110;
    expect(store.consume('a', counterOf(1, 100), 1)).toMatchObject({ allowed: true, now: 110 });
  });

  it('answers synchronously', () => {
    const { store } = storeOf(10);
    expect(store.consume('a', counterOf(1), 1)).not.toHaveProperty('then');
    expect(store.peek('a', counterOf(1), 1)).not.toHaveProperty('then');
  });

  it.each([
    [{ maxCounters: 3 }, RangeError, 'TOLLGATE_OPTION_RANGE', 'maxCounters', 'an integer from 4 to 16777216', 'got 3'],
    [{ maxCounters: 2.5 }, RangeError, 'TOLLGATE_OPTION_RANGE', 'maxCounters', 'an integer', 'got 2.5'],
    [{ maxCounters: '9' }, TypeError, 'TOLLGATE_OPTION_TYPE', 'maxCounters', 'an integer', 'got "9"'],
    [{ clock: 5 }, TypeError, 'TOLLGATE_OPTION_TYPE', 'clock', 'a function', 'got 5'],
    [
      { maxCounter: 5 },
      TypeError,
      'TOLLGATE_OPTION_UNKNOWN',
      'MemoryStore.maxCounter',
      'expected one of maxCounters, clock',
    ],
  ])('refuses the options %j', (options, kind, code, ...parts) => {
    const make = () => new MemoryStore(options as object);
    expect(make).toThrow(kind);
    expect(make).toThrow(expect.objectContaining({ code }));
    for (const part of parts) expect(make).toThrow(part);
  });

  it('P6 time: a clock without a finite time is an error, and neither lifts nor closes a limit', () => {
    let instant = 1000;
    const store = new MemoryStore({ clock: () => instant });
    store.consume('a', counterOf(1), 1);
    for (instant of [Number.POSITIVE_INFINITY, Number.NaN, undefined as unknown as number]) {
      expect(() => store.consume('a', counterOf(1), 1)).toThrow(
        /Expected `clock` to be .* got (Infinity|NaN|undefined)/,
      );
    }
    instant = 2000;
    expect(store.consume('a', counterOf(1), 1).allowed).toBe(false);
    instant = 61_000;
    expect(store.consume('a', counterOf(1), 1).allowed).toBe(true);
  });

  it('refuses null as an option', () => {
    for (const options of [{ maxCounters: null }, { clock: null }] as unknown as object[]) {
      expect(() => new MemoryStore(options)).toThrow(/got null/);
    }
  });

  it('a refund creates no credit from costs too large to be counted separately', () => {
    const { store, time } = storeOf(10);
    const large = 2 ** 31 - 1;
    const short = [{ name: 'legs', quotas: [new Quota({ limit: large, windowMs: 1000 })] }];
    const long = [{ name: 'legs', quotas: [new Quota({ limit: large, windowMs: 60_000 })] }];
    store.consume('a', long, 1);
    const outcomes = [];
    for (let charge = 0; charge < 4; charge++) {
      time.now += 1000;
      outcomes.push(store.consume('a', short, large));
    }
    expect(outcomes.map(({ allowed }) => allowed)).toEqual([true, true, true, true]);
    for (const outcome of outcomes.slice(0, 2)) store.refund('a', short, large, outcome);
    expect(store.peek('a', long, 1).allowed).toBe(false);
  });
});
