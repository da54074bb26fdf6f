import { type Decision, type MaybePromise, perMinute, perSecond } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import type { StoreUnderTest } from '../store/player.js';
import { ChangingLimiter } from './changing-limiter.js';

/** A charge is decided by one policy, whole: the one in force when it was made. */
export function describeAtomicChange(makeStore: () => StoreUnderTest): void {
  const older = { quotas: [perMinute(30)], total: [perMinute(60)] };
  const newer = { quotas: [perMinute(40), perSecond(35)], total: 'unlimited' } as const;
  const byOlder = ['per-minute 30', 'total-per-minute 60'];
  const byNewer = ['per-minute 40', 'per-second 35'];

  describe('between two charges', () => {
    it('charges under way are decided by the policy before, later ones by the new one', () =>
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
        // 35 a second is the newer one's narrower limit, and all of this is one instant.
        expect(admitted(60, 100)).toBe(5);
      }));

    it('charges that wait for what an account source says are decided by the policy before', () =>
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
      ['nothing to hold for all', { categories: { legs: [perMinute(1)] } }, 'OPTION_TYPE'],
    ])('a policy that is none changes nothing: %s', (_, next, code) =>
      ChangingLimiter.use(makeStore, older, async ({ limiter }) => {
        const inForce = limiter.policy;
        const told: unknown[] = [];
        limiter.on('policy', (policy) => told.push(policy));
        const charge = { account: 'ameyo5m', category: 'legs' };
        const before = limiter.consume(charge);
        expect(() => limiter.setPolicy(next as never)).toThrow(expect.objectContaining({ code: `TOLLGATE_${code}` }));
        expect(limiter.policy).toBe(inForce);
        const decisions = [await before, await limiter.consume(charge)];
        for (const [used, { quotas }] of decisions.entries()) {
          expect(quotas.map(({ name, limit }) => `${name} ${limit}`)).toEqual(byOlder);
          expect(quotas[0]!.used).toBe(used + 1);
        }
        expect(told).toEqual([]);
        limiter.setPolicy(newer);
        expect(told).toEqual([limiter.policy]);
      }),
    );
  });
}
