import { perMinute, StoreError } from '@tollgate/core';
import { MemoryUsage, type UsageEntry, type UsageFailure, type UsageStore } from '@tollgate/core/usage';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { entriesOf, START_AT } from '../../contract/usage/requests.js';
import { runsFor } from '../../effort.js';
import { nextTurn } from '../live-limiter.js';
import { countedBy, usageWorld } from './world.js';

const policy = { quotas: [perMinute(3)] };
const FROM = START_AT;
const TO = START_AT + 86_400_000;

type Manner = 'well' | 'refuse' | 'throw' | 'done, unknown' | 'not done, unknown' | 'half' | 'half unknown' | 'garbage';

/** Usage in memory at the far end of a bad line. */
class FailingUsage implements UsageStore {
  readonly memory = new MemoryUsage({ clock: () => START_AT });
  manner: Manner = 'well';
  /** Requests of which the limiter cannot know whether they were counted. */
  unknown = 0;

  async add(entries: readonly UsageEntry[]): Promise<readonly UsageFailure[] | undefined> {
    const requests = (some: readonly UsageEntry[]) =>
      some.reduce((sum, { admitted, refused }) => sum + admitted + refused, 0);
    const half = entries.slice(0, Math.ceil(entries.length / 2));
    const rest = entries.slice(half.length);
    switch (this.manner) {
      case 'well':
        return this.memory.add(entries);
      case 'refuse':
        throw new StoreError('gone', { charged: 'no' });
      case 'throw':
        this.unknown += requests(entries);
        throw 'no error';
      case 'done, unknown':
        this.memory.add(entries);
        this.unknown += requests(entries);
        throw new StoreError('no answer', { charged: 'unknown' });
      case 'not done, unknown':
        this.unknown += requests(entries);
        throw new StoreError('no answer', { charged: 'unknown' });
      case 'half':
        this.memory.add(half);
        return rest.map((entry) => ({ entry, counted: 'no' }));
      case 'half unknown':
        this.memory.add(half);
        this.unknown += requests(rest);
        return rest.map((entry) => ({ entry, counted: 'unknown' }));
      case 'garbage':
        this.memory.add(entries);
        return [{ entry: { ...entries[0]! }, counted: 'no' }];
    }
  }

  read(account: string, from: number, to: number) {
    return this.memory.read(account, from, to);
  }

  top(options: { readonly limit: number }) {
    return this.memory.top(options);
  }

  close(): void {}
}

const MANNERS: readonly Manner[] = [
  'well',
  'refuse',
  'throw',
  'done, unknown',
  'not done, unknown',
  'half',
  'half unknown',
  'garbage',
];

describe('a usage store that fails', () => {
  it('counts every request once, or not at all and then it is told: never twice', async () => {
    const step = fc.record({
      manner: fc.constantFrom(...MANNERS),
      accounts: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 6 }),
      waitMs: fc.constantFrom(0, 500, 60_000),
      flushes: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const store = new FailingUsage();
        const { consume, limiter, requests, time } = usageWorld({ policy }, { store });
        const question = { account: 'a', from: FROM, to: TO };
        for (const { manner, accounts, waitMs, flushes } of steps) {
          store.manner = manner;
          time.now += waitMs;
          for (const account of accounts) consume({ account });
          if (flushes) await limiter.usage(question);
        }
        store.manner = 'well';
        await limiter.usage(question);
        const { stored, lost, pending, dropped } = limiter.stats().usage!;
        expect({ pending, dropped, lost }).toEqual({ pending: 0, dropped: 0, lost: store.unknown });
        expect(stored + lost).toBe(requests.length);
        for (const account of ['a', 'b', 'c', 'd']) {
          const kept = store.memory.read(account, FROM, TO);
          const sum = kept.reduce((sum, { admitted, refused }) => sum + admitted + refused, 0);
          const made = requests.filter((request) => request.account === account);
          expect(sum).toBeLessThanOrEqual(made.length);
          if (store.unknown === 0) expect(sum).toBe(made.length);
        }
        await limiter.close();
      }),
      { numRuns: runsFor(300) },
    );
  });

  it('that cannot take one account is not asked for ever, and the others are not held up', async () => {
    const store = new MemoryUsage({ clock: () => START_AT });
    const add = (entries: readonly UsageEntry[]) => {
      store.add(entries.filter(({ account }) => account !== 'spoilt'));
      return entries.filter(({ account }) => account === 'spoilt').map((entry) => ({ entry, counted: 'no' }) as const);
    };
    const spoilt: UsageStore = {
      add,
      read: (...asked) => store.read(...asked),
      top: (one) => store.top(one),
      close() {},
    };
    const { consume, limiter, time } = usageWorld({ policy }, { store: spoilt });
    consume({ account: 'spoilt' });
    consume({ account: 'sound' });
    const asked = { account: 'sound', from: FROM, to: TO };
    expect((await limiter.usage(asked)).totals.requests).toBe(1);
    expect(limiter.stats().usage).toMatchObject({ pending: 1, stored: 1 });
    time.now += 3_700_000;
    await limiter.usage(asked);
    expect(limiter.stats().usage).toMatchObject({ pending: 0, stored: 1, dropped: 1 });
  });
});

describe('closing', () => {
  it('brings all that is left, what came while a flush was under way included', async () => {
    const memory = new MemoryUsage({ clock: () => START_AT });
    let release = () => {};
    const store: UsageStore = {
      add: (entries) => new Promise((resolve) => (release = () => resolve(memory.add(entries)))),
      read: (...asked) => memory.read(...asked),
      top: (one) => memory.top(one),
      close() {},
    };
    const { consume, limiter } = usageWorld({ policy }, { store });
    consume();
    const reading = limiter.usage({ account: 'ameyo5m', from: FROM, to: TO });
    await new Promise((resolve) => setImmediate(resolve));
    consume();
    const closing = limiter.close();
    const ticking = setInterval(() => release(), 1);
    await Promise.all([reading, closing]);
    clearInterval(ticking);
    expect(limiter.stats().usage).toMatchObject({ pending: 0, stored: 2 });
    expect(memory.read('ameyo5m', FROM, TO)).toMatchObject([{ admitted: 2 }]);
  });

  it('tries again while the store fails, and waits five seconds at most', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    for (const [manner, comesBack] of [
      ['refuse', true],
      ['refuse', false],
      ['hang', false],
    ] as const) {
      const store = new FailingUsage();
      const add = store.add.bind(store);
      let tries = 0;
      store.add = (entries) => {
        tries++;
        return manner === 'hang' ? new Promise(() => {}) : add(entries);
      };
      if (manner === 'refuse') store.manner = 'refuse';
      const { consume, limiter } = usageWorld({ policy }, { store });
      consume();
      let closed = false;
      const closing = Promise.resolve(limiter.close()).then(() => {
        closed = true;
      });
      await vi.advanceTimersByTimeAsync(1000);
      expect(closed).toBe(false);
      if (comesBack) store.manner = 'well';
      await vi.advanceTimersByTimeAsync(comesBack ? 200 : 3900);
      await nextTurn();
      await nextTurn();
      expect(closed).toBe(comesBack);
      await vi.advanceTimersByTimeAsync(100);
      await closing;
      expect(limiter.stats().usage!.stored).toBe(comesBack ? 1 : 0);
      expect(tries > 3).toBe(manner === 'refuse');
      expect(vi.getTimerCount()).toBe(0);
    }
  });

  it('leaves a usage store open that was given, and its counts are there', async () => {
    const store = new MemoryUsage();
    const { consume, limiter } = usageWorld({ policy }, { store });
    consume();
    await limiter.close();
    expect(store.read('ameyo5m', FROM, TO)).toMatchObject([{ admitted: 1 }]);
    expect(store.add(entriesOf([]))).toBeUndefined();
    expect(countedBy(limiter)).toBe(1);
  });
});
