import { type CounterSpec, MemoryStore, Quota, Throttle } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { memoryInUse } from '../memory-in-use.js';

function storeOf(maxCounters: number) {
  const time = { now: 1e6 };
  return { time, store: new MemoryStore({ maxCounters, clock: () => time.now }) };
}

const MINUTE = [new Quota({ limit: 5, windowMs: 60_000 })];
const legOf = (subject: string | number, more: Partial<CounterSpec> = {}): CounterSpec => ({
  name: `*~leg/${subject}`,
  subject: `${subject}`,
  quotas: MINUTE,
  ...more,
});
const legs = { name: 'legs', quotas: MINUTE };

/** Counters of nine accounts, each with eight subjects: 81. */
const CROWD: readonly CounterSpec[] = Array.from({ length: 9 }, (_, owner) => [
  { ...legs, account: `owner${owner}` },
  ...Array.from({ length: 8 }, (_, leg) => legOf(leg, { account: `owner${owner}` })),
]).flat();

describe('MemoryStore with subjects and several accounts', () => {
  it('P8 bounded: subjects count as counters, and never exceed the cap', () => {
    const { store } = storeOf(50);
    for (let leg = 0; leg < 5000; leg++) {
      expect(store.consume('a', [legs, legOf(leg, { quotas: MINUTE })], 0).allowed).toBe(true);
      expect(store.consume('a', [legOf(leg)], 1).used).toEqual([1]);
      expect(store.stats().counters).toBeLessThanOrEqual(50);
    }
    expect(store.stats()).toEqual({ counters: 50, maxCounters: 50, evictedExpired: 0, evictedUnexpired: 4950 });
  });

  it('P8 bounded: a full subject outlives a flood of others, and so does its throttling', () => {
    const { store } = storeOf(100);
    const throttle = new Throttle({ afterViolations: 1, withinMs: 60_000, forMs: 60_000, factor: 0 });
    store.consume('a', [legOf('full')], 5);
    for (const cost of [1, 6]) store.consume('a', [legOf('offender', { throttle })], cost);
    for (let leg = 0; leg < 3000; leg++) store.consume('a', [legOf(leg)], 1);
    expect(store.peek('a', [legOf('full')], 1).allowed).toBe(false);
    expect(store.peek('a', [legOf('offender', { throttle })], 1).throttledMs).toEqual([60_000]);
  });

  it('P8 bounded: expired subjects are evicted by any call, and leave no name behind', () => {
    const { store, time } = storeOf(10_000);
    for (let leg = 0; leg < 4000; leg++) store.consume('a', [legOf(leg)], 1);
    expect(store.stats().counters).toBe(4000);
    time.now += 60_000;
    for (let call = 0; call < 1000; call++) store.consume('b', [legs], 0);
    expect(store.stats()).toMatchObject({ counters: 0, evictedExpired: 4000, evictedUnexpired: 0 });
  });

  it('P8 bounded: a subject takes no more memory than an account, also if all are of one account', () => {
    const bytesOf = (charge: (store: MemoryStore, index: number) => void) => {
      const { store } = storeOf(1_000_000);
      const before = memoryInUse();
      for (let index = 0; index < 50_000; index++) charge(store, index);
      const used = memoryInUse() - before;
      expect(store.stats().counters).toBe(50_000);
      return used / 50_000;
    };
    const account = bytesOf((store, index) => store.consume(`account${index}`, [legs], 1));
    const ofOne = bytesOf((store, index) => store.consume('a', [legOf(index)], 1));
    const ofMany = bytesOf((store, index) => store.consume(`a${index}`, [legOf(index)], 1));
    expect(ofOne).toBeLessThan(account + 40);
    expect(ofMany).toBeLessThan(account + 40);
  });

  it('P8 bounded: names of 10 MB are not kept, of accounts, kinds and subjects', () => {
    const { store } = storeOf(1000);
    const nameOf = (index: number) => `${String.fromCharCode(97 + index)}${'x'.repeat(10_000_000)}`;
    const before = memoryInUse();
    for (let index = 0; index < 4; index++) {
      const counters = [
        legOf(nameOf(index)),
        legOf('L1', { account: nameOf(index) }),
        { name: `*~${nameOf(index)}/L1`, quotas: MINUTE },
      ];
      expect(store.consume('a', counters, 1).used).toEqual([1, 1, 1]);
      expect(store.consume('a', counters, 1).used).toEqual([2, 2, 2]);
    }
    store.consume(
      'a',
      [legs, legs, legs].map((one, index) => ({ ...one, name: `${index}` })),
      1,
    );
    // Kept, they would be 120 MB. Other tests share the process.
    expect(memoryInUse() - before).toBeLessThan(80_000_000);
  });

  it('a charge of 81 counters is one charge: all counters, or none', () => {
    const { store } = storeOf(1000);
    expect(CROWD).toHaveLength(81);
    const outcome = store.consume('x', CROWD, 5);
    expect(outcome).toMatchObject({ allowed: true, used: CROWD.map(() => 5) });
    expect(store.stats().counters).toBe(81);
    store.refund('x', CROWD, 5, outcome);
    store.consume('owner8', [legOf(7)], 1);
    const refused = store.consume('x', CROWD, 5);
    expect(refused.allowed).toBe(false);
    expect(refused.used).toEqual(CROWD.map((_, index) => (index === 80 ? 1 : 0)));
    // A charge of one counter after it has an outcome of its own length.
    expect(store.consume('y', [legs], 1)).toMatchObject({ used: [1], resetAfterMs: [60_000] });
  });

  it('P8 bounded: the 81 counters of one charge and their violations never evict each other', () => {
    const throttle = new Throttle({ afterViolations: 9, withinMs: 60_000, forMs: 60_000, factor: 0.5 });
    const throttled = CROWD.map((counter) => ({ ...counter, throttle }));
    const { store } = storeOf(162);
    for (let other = 0; other < 162; other++) store.consume(`full${other}`, [legs], 5);
    for (let times = 1; times <= 5; times++) {
      expect(store.consume('x', throttled, 1).used).toEqual(throttled.map(() => times));
    }
    for (let times = 1; times <= 8; times++) {
      expect(store.consume('x', throttled, 1).throttledMs).toEqual(throttled.map(() => 0));
    }
    expect(store.stats().counters).toBe(162);
    expect(store.consume('x', throttled, 1)).toMatchObject({
      beganThrottling: true,
      throttledMs: throttled.map(() => 60_000),
    });
  });

  it('refuses a charge that needs more counters than it may have, and takes the next one', () => {
    const throttle = new Throttle({ afterViolations: 9, withinMs: 60_000, forMs: 60_000, factor: 0.5 });
    const { store } = storeOf(5);
    const three = [legs, legOf(1), legOf(2)];
    const throttled = three.map((counter) => ({ ...counter, throttle }));
    for (const call of [
      () => store.consume('a', throttled, 1),
      () => store.peek('a', throttled, 1),
      () => store.record('a', throttled, 1, 0),
      () => store.consume('a', [...three, legOf(3), legOf(4), legOf(5)], 1),
    ]) {
      expect(call).toThrow(TypeError);
      expect(call).toThrow(expect.objectContaining({ code: 'TOLLGATE_OPTION_CONFLICT' }));
      expect(call).toThrow(/Expected `maxCounters` to be at least the 6 counters that one charge needs, got 5/);
    }
    expect(store.stats().counters).toBe(0);
    expect(store.consume('a', three, 1).used).toEqual([1, 1, 1]);
    expect(store.consume('a', throttled.slice(0, 2), 1).used).toEqual([2, 2]);
  });

  it('follows the throttling of a subject and of another account', () => {
    const { store } = storeOf(100);
    const throttle = new Throttle({ afterViolations: 9, withinMs: 60_000, forMs: 60_000, factor: 0.5 });
    const counters = [legOf(1, { throttle }), { ...legs, throttle, account: 'b' }, { ...legs, throttle }];
    store.throttle('a', counters, [1000, 2000, 0]);
    expect(store.peek('a', counters, 1).throttledMs).toEqual([1000, 2000, 0]);
    expect(store.peek('b', [{ ...legs, throttle }, legOf(1, { throttle })], 1).throttledMs).toEqual([2000, 0]);
    store.throttle('a', counters, [0, 0, 0]);
    expect(store.peek('a', counters, 1).throttledMs).toEqual([0, 0, 0]);
  });

  it('a reset of one account among a hundred thousand subjects removes its own and no others', () => {
    const { store } = storeOf(1_000_000);
    const long = 'x'.repeat(70);
    for (let index = 0; index < 20_000; index++) {
      store.consume(`a${index % 1000}`, [legOf(index)], 1);
      store.consume(`${long}${index % 1000}`, [legOf(index)], 1);
      store.consume(`a${index % 1000}`, [legOf(`${long}${index}`)], 1);
      store.consume(`\u4e00${index % 1000}`, [legOf(index)], 1);
    }
    const before = store.stats().counters;
    expect(before).toBe(80_000);
    store.reset('a7');
    expect(store.stats().counters).toBe(before - 40);
    store.reset(`${long}7`);
    store.reset('\u4e007');
    expect(store.stats().counters).toBe(before - 80);
    for (const gone of [legOf(7), legOf(`${long}7`)]) expect(store.peek('a7', [gone], 0).used).toEqual([0]);
    for (const kept of [legOf(8), legOf(`${long}8`)]) expect(store.peek('a8', [kept], 0).used).toEqual([1]);
  });
});
