import { channel } from 'node:diagnostics_channel';
import { type Decision, MemoryStore, perHour, RateLimiter, type Receipt } from '@tollgate/core';
import type { CorrectionMessage } from '@tollgate/core/channels';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsFor } from '../../effort.js';
import { FailingStore, type Manner } from '../failing-store.js';
import { CHARGE, failingWorld, fakeTime, pass } from '../failing-world.js';

const COUNTERS = [{ name: 'legs', quotas: [perHour(3)] }];

describe('settle and debit while the store is away', () => {
  fakeTime();

  it('a debit counts at once in this process, and is written back', async () => {
    const { consume, goDown, limiter, store, stored } = failingWorld();
    await goDown();
    expect(await limiter.debit({ ...CHARGE, cost: 2 } as never)).toBeUndefined();
    expect((await consume(2)).allowed).toBe(false);
    expect(stored()).toBe(0);
    store.manner = 'well';
    await pass(5000);
    expect(stored()).toBe(2);
  });

  it('a debit whose answer is lost rejects, and is not sent twice', async () => {
    const { limiter, store, stored } = failingWorld();
    store.manner = 'unknown';
    await expect(limiter.debit(CHARGE)).rejects.toMatchObject({ code: 'TOLLGATE_STORE_FAILED', charged: 'unknown' });
    store.manner = 'well';
    await pass(5000);
    expect(stored()).toBe(0);
    expect(limiter.health().writeBack).toMatchObject({ pending: 0, written: 0 });
  });

  it('a local charge that is settled lower is written back with its real cost', async () => {
    const { consume, goDown, limiter, local, store, stored } = failingWorld();
    await goDown();
    const { receipt } = await consume(3);
    expect(await limiter.settle(receipt!, 1)).toBe(true);
    expect(local.peek('ameyo5m', COUNTERS, 0).used).toEqual([1]);
    expect(limiter.health().writeBack.pending).toBe(1);
    store.manner = 'well';
    await pass(5000);
    expect(stored()).toBe(1);
  });

  it('a local charge that is settled higher is written back with its real cost', async () => {
    const { consume, goDown, limiter, local, store, stored } = failingWorld();
    await goDown();
    const { receipt } = await consume(1);
    expect(await limiter.settle(receipt!, 5)).toBe(true);
    expect(local.peek('ameyo5m', COUNTERS, 0).used).toEqual([5]);
    store.manner = 'well';
    await pass(5000);
    expect(stored()).toBe(5);
  });

  it('a charge of the store that is settled higher while it is away is written back', async () => {
    const { consume, goDown, limiter, local, store, stored } = failingWorld();
    const { receipt } = await consume(1);
    await goDown();
    expect(await limiter.settle(receipt!, 2)).toBe(true);
    expect(local.peek('ameyo5m', COUNTERS, 0).used).toEqual([2]);
    store.manner = 'well';
    await pass(5000);
    expect(stored()).toBe(2);
  });

  it('a charge of the store cannot be settled lower while it is away, and keeps its cost there', async () => {
    const { consume, goDown, limiter, local, stored } = failingWorld();
    const { receipt } = await consume(3);
    await goDown();
    await expect(limiter.settle(receipt!, 1)).rejects.toMatchObject({ charged: 'no' });
    expect(local.peek('ameyo5m', COUNTERS, 0).used).toEqual([1]);
    expect(stored()).toBe(3);
  });

  it('a charge can be settled higher when its limiter was closed, by another one on the store', async () => {
    const { consume, limiter, store, stored } = failingWorld();
    const { receipt } = await consume(1);
    await limiter.close();
    const other = new RateLimiter({ policy: { quotas: [perHour(3)] }, store });
    expect(await other.settle(receipt!, 3)).toBe(true);
    expect(stored()).toBe(3);
    await other.close();
  });

  it('the text of a local charge is not accepted, and the receipt still is', async () => {
    const { consume, goDown, limiter } = failingWorld();
    await goDown();
    const { receipt } = await consume(2);
    expect(() => limiter.refund(String(receipt))).toThrow(
      expect.objectContaining({ code: 'TOLLGATE_OPTION_CONFLICT' }),
    );
    expect(await limiter.refund(receipt!)).toBe(true);
  });

  it('a receipt whose text was taken is not accepted while the store is away, and its charge stays', async () => {
    const { consume, goDown, limiter, store, stored } = failingWorld({}, {}, new ClaimingStore());
    const { receipt } = await consume(2);
    const text = String(receipt);
    await goDown();
    await expect(limiter.refund(receipt!)).rejects.toMatchObject({ charged: 'no' });
    await expect(limiter.refund(text)).rejects.toMatchObject({ charged: 'no' });
    expect(stored()).toBe(2);
    // Nothing was corrected, so it may be tried again.
    store.manner = 'well';
    await pass(5000);
    expect(await limiter.settle(receipt!, 1)).toBe(true);
    expect(stored()).toBe(1);
  });

  it('a store that answers a claim with nonsense refunds nothing', async () => {
    const { consume, limiter, stored } = failingWorld({}, {}, new ClaimingStore('yes' as never));
    const { receipt } = await consume(2);
    await expect(limiter.refund(String(receipt))).rejects.toMatchObject({ charged: 'unknown' });
    expect(stored()).toBe(2);
  });

  it('the store gives back what a late admission has above the settled cost', async () => {
    const { limiter, store, stored, within } = failingWorld();
    store.manner = 'hold';
    const decision = await within(100, limiter.consume({ ...CHARGE, cost: 3 }) as Promise<Decision>);
    expect(decision.source).toBe('local');
    expect(await limiter.settle(decision.receipt!, 1)).toBe(true);
    store.manner = 'well';
    store.release();
    await pass(100);
    expect(stored()).toBe(1);
  });
});

describe('with random failures of the store', () => {
  fakeTime();

  const manner = fc.constantFrom<Manner>('well', 'well', 'refuse', 'hold');
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant('consume' as const), cost: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('manner' as const), manner }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 101, 3000) }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'release' as const }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('settle' as const),
        pick: fc.nat(20),
        actualCost: fc.integer({ min: 0, max: 5 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('debit' as const), cost: fc.integer({ min: 1, max: 4 }) }),
    },
  );

  it('the recovered store has the real cost of each charge, but for corrections that were rejected', () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50, size: 'max' }), async (steps) => {
        const store = new FailingStore();
        const limiter = new RateLimiter({ policy: { quotas: [perHour(12)] }, store });
        const receipts: { readonly receipt: Receipt; readonly cost: number }[] = [];
        let charged = 0;
        /** What rejected corrections may have left over, and left out. */
        let over = 0;
        let under = 0;
        for (const one of steps) {
          if (one.kind === 'consume') {
            Promise.resolve(limiter.consume({ ...CHARGE, cost: one.cost } as never)).then(({ allowed, receipt }) => {
              if (allowed) charged += one.cost;
              if (receipt !== undefined) receipts.push({ receipt, cost: one.cost });
            });
          } else if (one.kind === 'manner') store.manner = one.manner;
          else if (one.kind === 'pass') await pass(one.ms);
          else if (one.kind === 'release') {
            store.manner = 'well';
            store.release();
          } else if (one.kind === 'settle') {
            const [found] = receipts.splice(one.pick % Math.max(1, receipts.length), 1);
            if (found === undefined) continue;
            const more = one.actualCost - found.cost;
            charged += more;
            const lost = () => {
              if (more < 0) over -= more;
              else under += more;
            };
            Promise.resolve(limiter.settle(found.receipt, one.actualCost)).catch(lost);
            // A record that was on its way when its charge was settled keeps the cost of before.
            if (more < 0) over -= more;
          } else {
            charged += one.cost;
            Promise.resolve(limiter.debit({ ...CHARGE, cost: one.cost } as never)).catch(() => {
              under += one.cost;
            });
          }
          await pass(0);
        }
        await pass(200);
        store.manner = 'well';
        store.release();
        await pass(10_000);
        store.release();
        await pass(10_000);
        const [used] = store.memory.peek('ameyo5m', [{ name: 'legs', quotas: [perHour(12)] }], 0).used;
        expect(used).toBeLessThanOrEqual(charged + over);
        expect(used).toBeGreaterThanOrEqual(charged - under);
        await limiter.close();
      }),
      { numRuns: runsFor(150) },
    ));
});

class ClaimingStore extends FailingStore {
  readonly receipts;

  constructor(answer = true) {
    super();
    this.receipts = { key: 'any', claim: () => answer };
  }
}

describe('what others learn of corrections', () => {
  it('a channel has each of them, and the stats their number', async () => {
    const messages: CorrectionMessage[] = [];
    const listen = (message: unknown) => messages.push(message as CorrectionMessage);
    channel('tollgate:correction').subscribe(listen);
    const limiter = new RateLimiter({ policy: { quotas: [perHour(9)] }, store: new MemoryStore() });
    const consume = async (cost: number) => limiter.consume({ ...CHARGE, cost } as never);
    await limiter.refund((await consume(2)).receipt!);
    await (await consume(3)).settle(4);
    await limiter.debit(CHARGE);
    channel('tollgate:correction').unsubscribe(listen);
    expect(messages.map(({ limiter: _, ...rest }) => rest)).toEqual([
      { account: 'ameyo5m', address: undefined, category: 'legs', cost: 2, actualCost: 0 },
      { account: 'ameyo5m', address: undefined, category: 'legs', cost: 3, actualCost: 4 },
      { account: 'ameyo5m', address: undefined, category: 'legs', cost: 0, actualCost: 1 },
    ]);
    expect(limiter.stats().corrections).toBe(3);
    await limiter.close();
  });
});
