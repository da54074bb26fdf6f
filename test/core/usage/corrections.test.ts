import { perMinute, RateLimiter, StoreError } from '@tollgate/core';
import { MemoryUsage, type UsageCorrections, type UsageEntry } from '@tollgate/core/usage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { START_AT } from '../../contract/usage/requests.js';
import { runsFor } from '../../effort.js';
import { FailingStore } from '../failing-store.js';
import { countedBy, usageWorld } from './world.js';

const policy = { quotas: [perMinute(1000)] };
const period = { from: START_AT, to: START_AT + 86_400_000 };
const account = 'ameyo5m';
const MANY = 200_000;
const NONE: UsageCorrections = { count: 0, refundedUnits: 0, debitedUnits: 0 };

const counts = (count: number, refundedUnits: number, debitedUnits: number): UsageCorrections => {
  return { count, refundedUnits, debitedUnits };
};

describe('usage of corrections', () => {
  it('counts them with the units that they take back or add, and no request more', async () => {
    const { consume, limiter } = usageWorld({ policy });
    const charge = (category: string) => consume({ category, cost: 10 });
    await limiter.refund(charge('refunded').receipt!);
    await charge('lower').settle(4);
    await charge('higher').settle(17);
    await charge('equal').settle(10);
    limiter.debit({ account, category: 'debited', cost: 90 });
    const { totals, categories, activeMinutes, busiestMinute } = await limiter.usage({ account, ...period });
    expect(totals).toMatchObject({ requests: 4, admitted: 4, corrections: counts(5, 16, 97) });
    expect(new Map(categories.map(({ category, corrections }) => [category, corrections]))).toEqual(
      new Map([
        ['refunded', counts(1, 10, 0)],
        ['lower', counts(1, 6, 0)],
        ['higher', counts(1, 0, 7)],
        ['equal', counts(1, 0, 0)],
        ['debited', counts(1, 0, 90)],
      ]),
    );
    expect([activeMinutes, busiestMinute?.requests]).toEqual([1, 4]);
  });

  it('counts a receipt once, and nothing for an answer of false', async () => {
    const { consume, limiter } = usageWorld({ policy });
    const decision = consume({ cost: 3 });
    const text = String(decision.receipt);
    expect([await limiter.settle(text, 1), await limiter.settle(text, 1)]).toEqual([true, false]);
    expect([await decision.settle(2), await limiter.refund(decision.receipt!)]).toEqual([false, false]);
    expect((await limiter.usage({ account, ...period })).totals.corrections).toEqual(counts(1, 2, 0));
  });

  it('counts nothing while limiting is suspended, for a debit of 0, and where no limit applies', async () => {
    const { limiter } = usageWorld({ policy: { ...policy, accounts: { free: 'unlimited' } } });
    limiter.debit({ account, category: 'legs', cost: 0 });
    limiter.debit({ account: 'free', category: 'legs', cost: 5 });
    limiter.suspend();
    limiter.debit({ account, category: 'legs', cost: 5 });
    for (const who of [account, 'free']) {
      expect((await limiter.usage({ account: who, ...period })).totals.corrections).toEqual(NONE);
    }
  });

  it('counts those of a candidate not at all', async () => {
    const { consume, limiter } = usageWorld({ policy, candidate: { quotas: [perMinute(5)] } });
    await consume({ cost: 3 }).settle(1);
    expect((await limiter.usage({ account, ...period })).totals.corrections).toEqual(counts(1, 2, 0));
  });

  it('counts a correction of several charges for each of them', async () => {
    const { limiter } = usageWorld({ policy: { quotas: [perMinute(99)], addresses: { quotas: [perMinute(99)] } } });
    const decision = await limiter.consumeAll([
      { account: 'a', category: 'calls', cost: 5 },
      { account: 'a', category: 'calls', cost: 2 },
      { address: '203.0.113.7', category: 'calls', cost: 3 },
    ]);
    await decision.settle(3);
    expect((await limiter.usage({ account: 'a', ...period })).totals).toMatchObject({
      requests: 1,
      corrections: counts(2, 2, 1),
    });
    expect((await limiter.usage({ address: '203.0.113.7', ...period })).totals).toMatchObject({
      requests: 1,
      corrections: counts(1, 0, 0),
    });
  });

  it('has a correction in the minute in which it was asked for, also without a request in it', async () => {
    const { consume, limiter, store, time } = usageWorld({ policy });
    const decision = consume({ cost: 10 });
    time.now += 600_000;
    await decision.settle(4);
    const { categories, series, totals } = await limiter.usage({ account, ...period, step: 'minute' });
    expect(await store.read(account, START_AT + 60_000, period.to)).toMatchObject([
      { minuteAt: START_AT + 600_000, admitted: 0, refused: 0, peakPerSecond: 0, corrections: counts(1, 6, 0) },
    ]);
    expect(series[0]).toMatchObject({ requests: 1, corrections: NONE });
    expect(series[10]).toMatchObject({ requests: 0, corrections: counts(1, 6, 0), categories: [{ requests: 0 }] });
    expect(categories).toMatchObject([{ activeMinutes: 1, busiestMinute: { minuteAt: START_AT }, share: 1 }]);
    expect(totals.corrections).toEqual(counts(1, 6, 0));
  });

  it('reports a category that has corrections alone', async () => {
    const { limiter, time } = usageWorld({ policy });
    time.now += 60_000;
    for (let sent = 0; sent < 2; sent++) {
      limiter.debit({ account, category: 'minutes', cost: 7 });
      time.now += 60_000;
    }
    const report = await limiter.usage({ account, ...period });
    expect(report).toMatchObject({ totals: { requests: 0, refusedShare: 0 }, activeMinutes: 0, p95PerMinute: 0 });
    expect(report.busiestMinute).toBeUndefined();
    expect(report.categories).toEqual([
      {
        ...{ category: 'minutes', requests: 0, admitted: 0, refused: 0, wouldRefuse: 0, refusedShare: 0 },
        ...{ corrections: counts(2, 0, 14), share: 0, p95PerMinute: 0, activeMinutes: 0 },
        busiestMinute: { minuteAt: START_AT + 60_000, requests: 0, peakPerSecond: 0 },
        suggestion: undefined,
      },
    ]);
  });

  it('agrees with a naive sum, for any charges and corrections of several limiters', async () => {
    const step = fc.record({
      by: fc.nat(1),
      who: fc.constantFrom('a', 'b', '__proto__'),
      cost: fc.integer({ min: 1, max: 9 }),
      what: fc.constantFrom('charge', 'refund', 'settle', 'debit', 'flush'),
      actualCost: fc.nat(20),
      passMs: fc.constantFrom(0, 1, 999, 59_000, 61_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { consume, limiter, limiterOf, time } = usageWorld({ policy });
        const limiters = [limiter, limiterOf()];
        const expected = new Map<string, UsageCorrections>();
        let requests = 0;
        let corrections = 0;
        const correct = (who: string, before: number, after: number) => {
          corrections++;
          const { count, refundedUnits, debitedUnits } = expected.get(who) ?? NONE;
          const [back, more] = [Math.max(0, before - after), Math.max(0, after - before)];
          expected.set(who, counts(count + 1, refundedUnits + back, debitedUnits + more));
        };
        for (const { by, who, cost, what, actualCost, passMs } of steps) {
          time.now += passMs;
          const one = limiters[by]!;
          if (what === 'flush') await one.usage({ account: who, ...period });
          else if (what === 'debit') {
            await one.debit({ account: who, category: 'legs', cost });
            correct(who, 0, cost);
          } else {
            const { receipt } = consume({ account: who, cost }, one);
            requests++;
            if (what === 'charge' || receipt === undefined) continue;
            const after = what === 'refund' ? 0 : actualCost;
            expect(await one.settle(receipt, after)).toBe(true);
            correct(who, cost, after);
          }
        }
        expect(countedBy(limiters[0]!) + countedBy(limiters[1]!)).toBe(requests + corrections);
        for (const who of ['a', 'b', '__proto__']) {
          await limiters[0]!.usage({ account: who, ...period });
          const { totals } = await limiters[1]!.usage({ account: who, ...period });
          expect(totals.corrections).toEqual(expected.get(who) ?? NONE);
        }
        for (const one of limiters) expect(one.stats().usage).toMatchObject({ pending: 0, dropped: 0, lost: 0 });
      }),
      { numRuns: runsFor(100) },
    );
  });

  it('counts those of a store that fails when they are asked for', async () => {
    const store = new FailingStore();
    const usage = new MemoryUsage({ clock: () => START_AT });
    const clock = () => START_AT;
    const limiter = new RateLimiter({ policy, store, usage: { clock, store: usage } });
    const decision = await limiter.consume({ account, category: 'legs', cost: 3 });
    store.manner = 'throw';
    await expect(Promise.resolve(decision.settle(1))).rejects.toBeInstanceOf(StoreError);
    expect((await limiter.usage({ account, ...period })).totals.corrections).toEqual(counts(1, 2, 0));
    await limiter.close();
  });
});

describe('corrections that wait for a flush', () => {
  it('are stored by `close`, also without a request, and later ones start nothing', async () => {
    const { consume, limiter, store, time } = usageWorld({ policy });
    const [first, second] = [consume({ cost: 5 }), consume({ cost: 5 })];
    await limiter.usage({ account, ...period });
    time.now += 60_000;
    await first.settle(1);
    expect(limiter.stats().usage).toMatchObject({ pending: 1, stored: 2 });
    await limiter.close();
    expect(limiter.stats().usage).toEqual({ pending: 0, stored: 3, dropped: 0, lost: 0 });
    await second.settle(1);
    expect(limiter.stats().usage).toEqual({ pending: 0, stored: 3, dropped: 0, lost: 0 });
    expect(await store.read(account, START_AT + 60_000, period.to)).toMatchObject([{ corrections: counts(1, 4, 0) }]);
  });

  it('of very many accounts are bounded, and none is lost', async () => {
    const seen = new Map<string, number>();
    let most = 0;
    const memory = new MemoryUsage({ clock: () => START_AT, maxMinutes: 10_000 });
    const store = {
      add(entries: readonly UsageEntry[]) {
        for (const { account, corrections } of entries) {
          seen.set(account, (seen.get(account) ?? 0) + (corrections?.count ?? 0));
        }
        most = Math.max(most, seen.size);
        return memory.add(entries);
      },
      read: memory.read.bind(memory),
      top: memory.top.bind(memory),
      close: () => {},
    };
    const { limiter } = usageWorld({ policy }, { maxEntries: 1000, store });
    const debit = (name: string) => limiter.debit({ account: name, category: 'legs', cost: 2 });
    for (let sent = 0; sent < MANY; sent++) debit(`invented ${sent}`);
    const others = await limiter.usage({ account: '_OTHER', ...period });
    expect(limiter.stats().usage).toEqual({ pending: 0, stored: MANY, dropped: 0, lost: 0 });
    expect(most).toBeLessThanOrEqual(1001);
    const kept = [...seen].filter(([name]) => name !== '_OTHER').reduce((sum, [, count]) => sum + count, 0);
    expect(others.totals.corrections).toEqual(counts(MANY - kept, 0, 2 * (MANY - kept)));
  });

  it('are counted as dropped beyond `maxEntries`, where an outage has filled it', async () => {
    const store = {
      add: () => {
        throw new StoreError('gone', { charged: 'no' });
      },
      read: () => [],
      top: () => ({ at: 0, from: 0, nearest: [], refused: [] }),
      close: () => {},
    };
    const { limiter, time } = usageWorld({ policy }, { maxEntries: 3, store });
    for (let sent = 0; sent < 8; sent++) {
      limiter.debit({ account, category: 'legs', cost: 1 });
      time.now += 60_000;
    }
    await limiter.usage({ account, ...period });
    const { pending, stored, dropped, lost } = limiter.stats().usage!;
    expect([pending + dropped, stored, lost]).toEqual([8, 0, 0]);
    expect(pending).toBeLessThanOrEqual(3);
  });
});

describe('MemoryUsage', () => {
  it('keeps corrections of the least used accounts of a crowded hour together', () => {
    const store = new MemoryUsage({ maxMinutes: 400, clock: () => START_AT });
    for (let number = 0; number < 5000; number++) {
      store.add([
        {
          ...{ account: `a${number}`, category: 'legs', minuteAt: START_AT, admitted: 0, refused: 0, wouldRefuse: 0 },
          ...{ seconds: [], corrections: counts(1, 2, 3) },
        },
      ]);
    }
    const count = (name: string) => store.read(name, period.from, period.to)[0]?.corrections?.count ?? 0;
    let left = 0;
    for (let number = 0; number < 5000; number++) left += count(`a${number}`);
    expect(left + count('_OTHER')).toBe(5000);
    expect(count('_OTHER')).toBeGreaterThan(4000);
    expect(store.stats()).toMatchObject({ evicted: 0 });
  });
});
