import { type Decision, perHour, RateLimiter, type Receipt } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsFor } from '../../effort.js';
import { FailingStore, type Manner } from '../failing-store.js';
import { CHARGE, failingWorld, fakeTime, pass } from '../failing-world.js';

describe('write-back', () => {
  fakeTime();

  it('records in the store, when its circuit closes, what was admitted while it was open', async () => {
    const { consume, goDown, limiter, store, stored } = failingWorld();
    await goDown();
    store.manner = 'refuse';
    for (let times = 0; times < 5; times++) await consume();
    expect(limiter.health().writeBack).toEqual({ pending: 3, written: 0, dropped: 0 });
    store.manner = 'well';
    await pass(5000);
    expect(stored()).toBe(3);
    expect(limiter.health().writeBack).toEqual({ pending: 0, written: 3, dropped: 0 });
    expect(store.countOf('record')).toBe(1);
  });

  it('records it before the next charge of the account', async () => {
    const { consume, store } = failingWorld();
    store.manner = 'refuse';
    await consume(2);
    store.manner = 'well';
    store.asked.length = 0;
    expect(await consume()).toMatchObject({ allowed: true, source: 'store', quotas: [{ used: 3 }] });
    expect(store.asked).toEqual(['record', 'consume']);
  });

  it('keeps entries apart that differ by more than a slice, and drops entries that no window counts', async () => {
    const { consume, goDown, limiter, store, stored } = failingWorld({ quotas: [perHour(100)] });
    await goDown();
    store.manner = 'refuse';
    await consume(10);
    await pass(3_000_000);
    for (const cost of [1, 2]) {
      await consume(cost);
      await pass(20_000);
    }
    await consume(4);
    await pass(600_000);
    store.manner = 'well';
    await pass(5000);
    expect(store.countOf('record')).toBe(2);
    expect(stored()).toBe(7);
    expect(limiter.health().writeBack).toEqual({ pending: 0, written: 3, dropped: 0 });
  });

  it('is off if the store has no record', async () => {
    const without = Object.assign(new FailingStore(), { record: undefined });
    const { consume, goDown, limiter, store, stored } = failingWorld({}, {}, without as never);
    await goDown();
    expect(await consume()).toMatchObject({ allowed: true, source: 'local' });
    store.manner = 'well';
    await pass(5000);
    expect(stored()).toBe(0);
    expect(limiter.health().writeBack).toEqual({ pending: 0, written: 0, dropped: 0 });
  });

  it('repeats a record that failed without an effect, and drops one that may have had an effect', async () => {
    const { consume, limiter, store, stored } = failingWorld();
    const { record } = store;
    store.manner = 'refuse';
    await consume();
    store.manner = 'well';
    let tries = 0;
    store.record = (...charge) => {
      tries++;
      store.manner = tries < 3 ? 'refuse' : 'well';
      const answer = record.apply(store, charge);
      store.manner = 'well';
      return answer;
    };
    await pass(1000);
    expect(tries).toBe(3);
    expect(stored()).toBe(1);

    store.manner = 'refuse';
    await consume();
    store.manner = 'well';
    store.record = () => Promise.reject(new Error('the line went dead'));
    await pass(1000);
    expect(limiter.health().writeBack).toEqual({ pending: 0, written: 1, dropped: 1 });
  });

  it.each([
    ['512 records at a time', false, 512],
    ['128 while requests charge the store', true, 128],
  ])('sends at most %s', async (_, isBusy, atMost) => {
    const { consume, goDown, limiter, store } = failingWorld();
    await goDown();
    for (let account = 0; account < 2000; account++) await consume(1, `a${account}`);
    let sending = 0;
    let most = 0;
    store.record = async () => {
      sending++;
      // The first ones leave at the instant at which the circuit closes, before a request can know that.
      if (limiter.health().writeBack.written > 600) most = Math.max(most, sending);
      await new Promise((resolve) => setTimeout(resolve, 5));
      sending--;
    };
    store.manner = 'well';
    for (let turn = 0; turn < 500; turn++) {
      await pass(10);
      if (isBusy) await consume(1, 'busy');
    }
    expect(most).toBe(atMost);
    expect(sending).toBe(0);
    const { pending, written } = limiter.health().writeBack;
    expect(pending).toBe(0);
    expect(written).toBeGreaterThanOrEqual(2000);
  });

  it('of one account with very many counters leaves a few at a time, and its charges are checked meanwhile', async () => {
    const { consume, goDown, limiter, store, within } = failingWorld({
      quotas: [perHour(3000)],
      total: [perHour(2001)],
    });
    await goDown();
    for (let category = 0; category < 2000; category++) {
      await limiter.consume({ account: 'ameyo5m', category: `c${category}` });
    }
    let sending = 0;
    let most = 0;
    store.record = async () => {
      most = Math.max(most, ++sending);
      await new Promise((resolve) => setTimeout(resolve, 5));
      sending--;
    };
    store.manner = 'well';
    while (limiter.health().state === 'down') await pass(1);
    // The store has almost none of them, and would admit both.
    expect(await within(100, consume(1) as never)).toMatchObject({ allowed: true });
    expect(await within(100, consume(1) as never)).toMatchObject({ allowed: false, source: 'local' });
    await pass(5000);
    expect(most).toBeLessThanOrEqual(640);
    expect(limiter.health().writeBack).toEqual({ pending: 0, written: 2000, dropped: 0 });
  });

  it('of an account whose data is broken waits, and delays no other', async () => {
    const { consume, goDown, limiter, store } = failingWorld();
    await goDown();
    for (const account of ['broken', ...Array.from({ length: 1500 }, (_, n) => `a${n}`), 'broken too']) {
      await consume(1, account);
    }
    for (const account of ['broken', 'broken too']) store.manners.set(account, 'spoilt');
    store.manner = 'well';
    while (limiter.health().state === 'down') await pass(1);
    await pass(20);
    expect(limiter.health().writeBack).toEqual({ pending: 2, written: 1500, dropped: 0 });
    expect(limiter.health().state).toBe('up');

    // It is tried again, but not with each of its charges.
    store.asked.length = 0;
    for (let n = 0; n < 10; n++) await consume(1, 'broken');
    expect(store.countOf('record')).toBeLessThanOrEqual(1);
    store.manners.clear();
    await pass(1200);
    expect(limiter.health().writeBack).toMatchObject({ pending: 0, dropped: 0 });
  });

  it('keeps at most 100,000 entries', async () => {
    const { goDown, limiter, store } = failingWorld();
    await goDown();
    for (let account = 0; account < 100_010; account++) limiter.consume({ account: `a${account}`, category: 'legs' });
    expect(limiter.health().writeBack).toEqual({ pending: 100_000, written: 0, dropped: 10 });
    store.manner = 'well';
    await pass(10_000);
    expect(limiter.health().writeBack).toEqual({ pending: 0, written: 100_000, dropped: 10 });
  });

  it('leaves out refunded charges', async () => {
    const { consume, goDown, limiter, store, stored } = failingWorld();
    await goDown();
    const { receipt } = await consume(2);
    await consume(1);
    expect(await limiter.refund(receipt!)).toBe(true);
    store.manner = 'well';
    await pass(5000);
    expect(stored()).toBe(1);
  });

  it('leaves out reset counters, and reports that the store was not reset', async () => {
    const { consume, goDown, limiter, local, store, stored } = failingWorld();
    await consume();
    await goDown();
    await consume(2);
    const failure = { code: 'TOLLGATE_STORE_FAILED', charged: 'no' };
    await expect(limiter.reset({ account: 'ameyo5m' })).rejects.toMatchObject(failure);
    expect(local.peek('ameyo5m', [{ name: 'legs', quotas: [perHour(3)] }], 0).used).toEqual([0]);
    store.manner = 'well';
    await pass(5000);
    expect(stored()).toBe(1);
    expect(await limiter.reset({ account: 'ameyo5m', category: 'legs' })).toBeUndefined();
    expect(stored()).toBe(0);
  });

  it('refunds the local copy of an admission, even if the store fails to', async () => {
    const { consume, goDown, limiter, local } = failingWorld();
    const counters = [{ name: 'legs', quotas: [perHour(3)] }];
    const [first, second] = [await consume(), await consume()];
    expect(local.peek('ameyo5m', counters, 0).used).toEqual([2]);
    expect(await limiter.refund(first!.receipt!)).toBe(true);
    expect(local.peek('ameyo5m', counters, 0).used).toEqual([1]);
    await goDown();
    await expect(limiter.refund(second!.receipt!)).rejects.toMatchObject({
      code: 'TOLLGATE_STORE_FAILED',
      charged: 'no',
    });
    expect(local.peek('ameyo5m', counters, 0).used).toEqual([0]);
    expect(await limiter.refund(second!.receipt!)).toBe(false);
  });
});

describe('with random failures of the store', () => {
  fakeTime();

  const manner = fc.constantFrom<Manner>('well', 'well', 'refuse', 'hold');
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('consume' as const), cost: fc.integer({ min: 0, max: 3 }) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('manner' as const), manner }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 50, 101, 500, 3000) }),
    },
    { weight: 2, arbitrary: fc.constant({ kind: 'release' as const }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('refund' as const), pick: fc.nat(20) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('elsewhere' as const), cost: fc.integer({ min: 1, max: 5 }) }),
    },
  );

  it('the recovered store counts each admission once, and nothing else', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.constantFrom(1, 0.5),
        async (steps, localShare) => {
          const store = new FailingStore();
          const quotas = [perHour(12)];
          const limiter = new RateLimiter({ policy: { quotas, localShare }, store });
          const decisions: Decision[] = [];
          const receipts: Receipt[] = [];
          let elsewhere = 0;
          let refunded = 0;
          for (const one of steps) {
            if (one.kind === 'consume') {
              Promise.resolve(limiter.consume({ ...CHARGE, cost: one.cost } as never)).then((decision) => {
                decisions.push(decision);
                if (decision.receipt !== undefined) receipts.push(decision.receipt);
              });
            } else if (one.kind === 'manner') store.manner = one.manner;
            else if (one.kind === 'pass') await pass(one.ms);
            else if (one.kind === 'release') {
              // A store that answers again can refund what it has admitted too late.
              store.manner = 'well';
              store.release();
            } else if (one.kind === 'refund') {
              const [receipt] = receipts.splice(one.pick % Math.max(1, receipts.length), 1);
              const cost = decisions.find((decision) => decision.receipt === receipt)?.cost ?? 0;
              if (receipt !== undefined) refunded += cost;
              if (receipt !== undefined) Promise.resolve(limiter.refund(receipt)).catch(() => {});
            } else {
              const counters = [{ name: 'legs', quotas }];
              if (store.memory.consume('ameyo5m', counters, one.cost).allowed) elsewhere += one.cost;
            }
            await pass(0);
          }
          await pass(200);
          expect(decisions).toHaveLength(steps.filter(({ kind }) => kind === 'consume').length);
          store.manner = 'well';
          store.release();
          await pass(10_000);
          store.release();
          await pass(10_000);
          const passed = decisions.filter(({ allowed }) => allowed).reduce((sum, { cost }) => sum + cost, 0);
          const [used] = store.memory.peek('ameyo5m', [{ name: 'legs', quotas }], 0).used;
          expect(used).toBeLessThanOrEqual(passed + elsewhere);
          expect(used).toBeGreaterThanOrEqual(passed + elsewhere - refunded);
          expect(limiter.health()).toMatchObject({ state: 'up', writeBack: { pending: 0 } });
          limiter.close();
        },
      ),
      { numRuns: runsFor(300) },
    ));
});
