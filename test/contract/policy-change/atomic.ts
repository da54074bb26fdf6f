import { type Decision, type MaybePromise, perMinute, perSecond } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import type { StoreUnderTest } from '../store/player.js';
import { ChangingLimiter } from './changing-limiter.js';

/** One policy decides a charge: the one in force at the call. */
export function describeAtomicChange(makeStore: () => StoreUnderTest): void {
  const older = { quotas: [perMinute(30)], total: [perMinute(60)] };
  const newer = { quotas: [perMinute(40), perSecond(35)], total: 'unlimited' } as const;
  const byOlder = ['per-minute 30', 'total-per-minute 60'];
  const byNewer = ['per-minute 40', 'per-second 35'];

  describe('between two charges', () => {
    it('the old policy decides pending charges, the new one decides later charges', () =>
      ChangingLimiter.use(makeStore, older, async ({ limiter }) => {
        const charge = { account: 'ameyo5m', category: 'legs' };
        const made: MaybePromise<Decision>[] = [];
        for (let n = 0; n < 100; n++) {
          if (n === 20) limiter.setPolicy(newer);
          if (n === 25) limiter.setPolicy(older);
          if (n === 60) limiter.setPolicy(newer);
          made.push(limiter.consume(charge));
        }
        const decisions = await Promise.all(made);
        for (const [n, { quotas, source }] of decisions.entries()) {
          expect(source).toBe('store');
          const expected = (n >= 20 && n < 25) || n >= 60 ? byNewer : byOlder;
          expect(quotas.map(({ name, limit }) => `${name} ${limit}`)).toEqual(expected);
        }
        const admitted = (from: number, to: number) =>
          decisions.slice(from, to).filter(({ allowed }) => allowed).length;
        expect([admitted(0, 25), admitted(25, 60)]).toEqual([25, 5]);
        // All charges have the same instant, and the new policy admits 35 in a second.
        expect(admitted(60, 100)).toBe(5);
      }));

    it('the old policy decides charges that wait for an account source', () =>
      ChangingLimiter.use(
        makeStore,
        older,
        async ({ limiter }) => {
          const charge = { account: 'ameyo5m', category: 'legs' };
          const before = limiter.consume(charge);
          limiter.setPolicy(newer);
          const after = limiter.consume(charge);
          expect((await before).quotas.map(({ limit }) => limit)).toEqual([30, 60]);
          expect((await after).quotas.map(({ limit }) => limit)).toEqual([40, 35]);
        },
        { layerOf: async () => undefined },
      ));

    it.each<[string, unknown, string]>([
      ['a value out of range', { ...newer, plans: { gold: { quotas: [perMinute(1)], total: [] } } }, 'OPTION_RANGE'],
      ['a misspelt option', { ...newer, catgories: {} }, 'OPTION_UNKNOWN'],
      ['no policy', undefined, 'OPTION_TYPE'],
      ['no quotas for all accounts', { categories: { legs: [perMinute(1)] } }, 'OPTION_TYPE'],
    ])('an invalid policy changes nothing: %s', (_, next, code) =>
      ChangingLimiter.use(makeStore, older, async ({ limiter }) => {
        const inForce = limiter.policy;
        const published: unknown[] = [];
        limiter.on('policy', (policy) => published.push(policy));
        const charge = { account: 'ameyo5m', category: 'legs' };
        const before = limiter.consume(charge);
        expect(() => limiter.setPolicy(next as never)).toThrow(expect.objectContaining({ code: `TOLLGATE_${code}` }));
        expect(limiter.policy).toBe(inForce);
        const decisions = [await before, await limiter.consume(charge)];
        for (const [used, { quotas }] of decisions.entries()) {
          expect(quotas.map(({ name, limit }) => `${name} ${limit}`)).toEqual(byOlder);
          expect(quotas[0]!.used).toBe(used + 1);
        }
        expect(published).toEqual([]);
        limiter.setPolicy(newer);
        expect(published).toEqual([limiter.policy]);
      }),
    );
  });
}
