import { type Decision, perMinute, perSecond, RateLimiter, type Receipt } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoreUnderTest } from './store/player.js';
import { timeOf } from './store/world.js';

type Step =
  | { readonly kind: 'consume' | 'debit'; readonly cost: number }
  | { readonly kind: 'settle'; readonly pick: number; readonly actualCost: number }
  | { readonly kind: 'advance'; readonly ms: number };

/** A cost in the full log. */
interface Entry {
  readonly at: number;
  cost: number;
}

const QUOTAS = [perSecond(9), perMinute(20)];
const WINDOWS_MS = [1000, 60_000];
const CHARGE = { account: 'ameyo5m', category: 'legs' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('consume' as const), cost: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('debit' as const), cost: fc.nat(12) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('settle' as const), pick: fc.nat(20), actualCost: fc.nat(9) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(1, 300, 999, 1000, 30_000) }),
  },
);

/** `settle` and `debit` of a limiter, on a store whose clock the tests move. Each test has its own store. */
export function describeCorrections(name: string, makeStore: () => StoreUnderTest, runs: number): void {
  const within = async (use: (under: StoreUnderTest, limiter: RateLimiter) => Promise<void>) => {
    const under = makeStore();
    const limiter = new RateLimiter({ policy: { quotas: QUOTAS }, store: under.store });
    try {
      await use(under, limiter);
    } finally {
      await limiter.close();
      await under.stop();
    }
  };
  const usedOf = async (limiter: RateLimiter) => (await limiter.peek({ ...CHARGE, cost: 0 })).quotas.map(used);

  describe(`corrections, on ${name}`, () => {
    it('the windows have what a full log of corrected charges has, and only what fits is admitted', () =>
      fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), (steps) =>
          within(async (under, limiter) => {
            const log: Entry[] = [];
            const open: { readonly receipt: Receipt; readonly entry: Entry }[] = [];
            let now = 0;
            const logged = () =>
              WINDOWS_MS.map((windowMs) =>
                log.reduce((sum, { at, cost }) => sum + (at > now - windowMs ? cost : 0), 0),
              );
            for (const one of steps) {
              if (one.kind === 'advance') {
                await timeOf(under).advance(one.ms);
                now += one.ms;
              } else if (one.kind === 'debit') {
                await limiter.debit({ ...CHARGE, cost: one.cost });
                log.push({ at: now, cost: one.cost });
              } else if (one.kind === 'consume') {
                const fits = logged().every((sum, index) => sum + one.cost <= QUOTAS[index]!.limit);
                const decision = await limiter.consume({ ...CHARGE, cost: one.cost });
                expect(decision.allowed).toBe(fits || one.cost === 0);
                const entry = { at: now, cost: one.cost };
                if (decision.receipt !== undefined) open.push({ receipt: decision.receipt, entry });
                if (decision.allowed) log.push(entry);
              } else if (one.kind === 'settle' && open.length > 0) {
                const [{ receipt, entry }] = open.splice(one.pick % open.length, 1) as [(typeof open)[number]];
                expect(await limiter.settle(receipt, one.actualCost)).toBe(true);
                expect(await limiter.settle(receipt, 0)).toBe(false);
                if (one.actualCost > entry.cost) log.push({ at: now, cost: one.actualCost - entry.cost });
                else entry.cost = one.actualCost;
              }
              expect(await usedOf(limiter)).toEqual(logged());
            }
          }),
        ),
        { numRuns: runs },
      ));

    it('a charge of ten that is settled at four leaves six free', () =>
      within(async (_, limiter) => {
        const decision = (await limiter.consume({ ...CHARGE, cost: 9 })) as Decision;
        expect(await decision.settle(4)).toBe(true);
        expect(await decision.settle(4)).toBe(false);
        expect(await usedOf(limiter)).toEqual([4, 4]);
      }));

    it('a charge that is settled above the limit is counted whole, and nothing is admitted until it has left', () =>
      within(async (under, limiter) => {
        const decision = await limiter.consume({ ...CHARGE, cost: 2 });
        expect(await limiter.settle(decision.receipt!, 15)).toBe(true);
        const refused = await limiter.consume(CHARGE);
        expect(refused).toMatchObject({ allowed: false, retryAfterMs: 1000 });
        expect(refused.quotas.map(used)).toEqual([15, 15]);
        await timeOf(under).advance(1000);
        expect(await limiter.consume(CHARGE)).toMatchObject({ allowed: true });
      }));

    it('a debit takes effect at once, also after the deny cache has a refusal', () =>
      within(async (under, limiter) => {
        await limiter.consume({ ...CHARGE, cost: 9 });
        expect((await limiter.consume(CHARGE)).allowed).toBe(false);
        expect(await limiter.debit({ ...CHARGE, cost: 2 })).toBeUndefined();
        const refused = await limiter.consume({ ...CHARGE, cost: 7 });
        expect(refused.quotas.map(used)).toEqual([11, 11]);
        await timeOf(under).advance(1000);
        expect((await limiter.consume({ ...CHARGE, cost: 9 })).allowed).toBe(true);
      }));

    it.each([
      ['the receipt first', (receipt: Receipt) => [receipt, String(receipt)]],
      ['its text first', (receipt: Receipt) => [String(receipt), receipt]],
      ['two texts of it', (receipt: Receipt) => [String(receipt), String(receipt)]],
    ])('a receipt and its text work once: %s', (_, uses) =>
      within(async ({ store }, limiter) => {
        const other = new RateLimiter({ policy: { quotas: QUOTAS }, store });
        const { receipt } = await limiter.consume({ ...CHARGE, cost: 5 });
        const [first, second] = uses(receipt!) as [Receipt, Receipt];
        expect(await other.settle(first, 2)).toBe(true);
        expect(await limiter.settle(second, 0)).toBe(false);
        expect(await other.refund(String(first))).toBe(false);
        expect(await usedOf(limiter)).toEqual([2, 2]);
        await other.close();
      }),
    );

    it('of equal texts that are used at once, one corrects the charge', () =>
      within(async (_, limiter) => {
        const { receipt } = await limiter.consume({ ...CHARGE, cost: 5 });
        const texts = Array.from({ length: 20 }, () => String(receipt));
        const uses = await Promise.all(texts.map((text) => limiter.settle(text, 4)));
        expect(uses.filter(Boolean)).toHaveLength(1);
        expect(await usedOf(limiter)).toEqual([4, 4]);
      }));

    it('a text has the account, whatever its characters, and corrects a charge upwards too', () =>
      within(async (under, limiter) => {
        for (const account of ['ameyo5m', '@x', '}{', 'a\0b', '\ud800', '__proto__', 'ж'.repeat(3000)]) {
          const { receipt } = await limiter.consume({ account, category: 'legs', cost: 3 });
          expect(await limiter.settle(String(receipt), 9)).toBe(true);
          expect((await limiter.consume({ account, category: 'legs' })).allowed).toBe(false);
        }
        await timeOf(under).advance(1000);
        expect((await limiter.consume(CHARGE)).allowed).toBe(true);
      }));

    it('a text that was not written for this store, or was changed, is refused', () =>
      within(async (_, limiter) => {
        const text = String((await limiter.consume({ ...CHARGE, cost: 5 })).receipt);
        const elsewhere = new RateLimiter({ policy: { quotas: QUOTAS } });
        const foreign = String((await elsewhere.consume(CHARGE)).receipt);
        const [version, content, signature] = text.split('.') as [string, string, string];
        const forged = Buffer.from(Buffer.from(content, 'base64url').toString().replaceAll('ameyo5m', 'victim0'));
        const wrong = [
          '',
          '.',
          'tollgate1..',
          foreign,
          `${version}.${forged.toString('base64url')}.${signature}`,
          `${text}x`,
          text.slice(0, -1),
          'x'.repeat(1_000_000),
        ];
        for (const one of wrong) {
          expect(() => limiter.settle(one, 1)).toThrow(expect.objectContaining({ code: 'TOLLGATE_OPTION_TYPE' }));
        }
        expect(await usedOf(limiter)).toEqual([5, 5]);
        expect(await limiter.refund(text)).toBe(true);
        await elsewhere.close();
      }));

    it('the text of a receipt that was used is not accepted', () =>
      within(async (_, limiter) => {
        const { receipt } = await limiter.consume({ ...CHARGE, cost: 5 });
        expect(await limiter.refund(receipt!)).toBe(true);
        expect(() => limiter.refund(String(receipt))).toThrow(
          expect.objectContaining({ code: 'TOLLGATE_OPTION_CONFLICT' }),
        );
      }));

    it('a charge that was reset since is not corrected below nothing', () =>
      within(async (_, limiter) => {
        const decision = await limiter.consume({ ...CHARGE, cost: 5 });
        await limiter.reset({ account: CHARGE.account });
        expect(await limiter.settle(decision.receipt!, 1)).toBe(true);
        expect(await usedOf(limiter)).toEqual([0, 0]);
      }));
  });
}

function used(quota: { readonly used: number }): number {
  return quota.used;
}
