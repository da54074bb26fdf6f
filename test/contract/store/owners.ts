import { type CounterSpec, Quota, Throttle } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { describeParties } from './parties.js';
import { withOwners } from './party-traces.js';
import { HOSTILE_NAMES } from './traces.js';
import { type StoreWorld, timeOf } from './world.js';

/** The promises with charges on the counters of several accounts, with costs of their own. */
export function describeOwners(
  world: StoreWorld,
  options: { readonly records: boolean; readonly throttles: boolean },
): void {
  const { within } = world;
  const counterOf = (limit: number, more: Partial<CounterSpec> = {}): CounterSpec => ({
    name: 'legs',
    quotas: [new Quota({ limit, windowMs: 60_000 })],
    ...more,
  });

  describe('several accounts', () => {
    describeParties(world, withOwners, options);

    it('are declared by joinsAccounts', () =>
      within(async ({ store }) => {
        expect(store.joinsAccounts).toBe(true);
      }));

    it('equal lists of counters are charged for each account in turn, also for the one that they name', () =>
      within(async ({ store }) => {
        const counters = [counterOf(9), counterOf(9, { name: 'all', account: 'shared' })];
        for (const account of ['shared', 'a', 'shared', 'b']) await store.consume(account, counters, 1);
        const used = async (account: string, name: string) =>
          (await store.peek(account, [counterOf(9, { name })], 0)).used[0];
        expect(await used('shared', 'all')).toBe(4);
        expect(await used('shared', 'legs')).toBe(2);
        expect(await used('a', 'legs')).toBe(1);
        expect(await used('a', 'all')).toBe(0);
      }));

    it('counters of one name belong to their accounts, in charges of any account', () =>
      within(async ({ store }) => {
        const three = [counterOf(9), counterOf(9, { account: 'b' }), counterOf(9, { account: '@service', name: '*' })];
        expect(await store.consume('a', three, 2)).toMatchObject({ allowed: true, used: [2, 2, 2] });
        expect(await store.consume('b', [counterOf(9)], 1)).toMatchObject({ used: [3] });
        expect(await store.consume('c', [counterOf(9, { account: 'a' })], 1)).toMatchObject({ used: [3] });
        expect(await store.peek('a', [three[2]!, three[1]!, three[0]!], 0)).toMatchObject({ used: [2, 3, 3] });
        expect(await store.peek('c', [counterOf(9)], 0)).toMatchObject({ used: [0] });
      }));

    it.each([0, 1, 2])('when counter %d of three accounts is full, the others stay unchanged', (full) =>
      within(async ({ store }) => {
        const accounts = ['a', 'b', 'c'];
        const three = accounts.map((account, index) => counterOf(index === full ? 2 : 9, { account }));
        expect(await store.consume('a', three, 2)).toMatchObject({ allowed: true, used: [2, 2, 2] });
        const refused = await store.consume('a', three, 1);
        expect(refused).toMatchObject({ allowed: false, used: [2, 2, 2], retryAfterMs: 60_000 });
        for (const account of accounts)
          expect(await store.peek(account, [counterOf(9)], 0)).toMatchObject({ used: [2] });
      }),
    );

    it('the longest wait of any counter is the time to retry', () =>
      within(async (under) => {
        const { store } = under;
        const short = { account: 'b', quotas: [new Quota({ limit: 1, windowMs: 1000 })] };
        await store.consume('a', [counterOf(1), counterOf(9, short)], 1);
        await timeOf(under).advance(500);
        expect(await store.consume('a', [counterOf(1), counterOf(9, short)], 1)).toMatchObject({
          retryAfterMs: 59_500,
        });
        expect(await store.consume('c', [counterOf(1), counterOf(9, short)], 1)).toMatchObject({ retryAfterMs: 500 });
        const never = [counterOf(1, { account: 'b' }), counterOf(9, { cost: 10 })];
        expect(await store.consume('d', never, 10)).toMatchObject({ retryAfterMs: Number.POSITIVE_INFINITY });
      }));

    it('each counter takes its own cost, and one of cost 0 never refuses and records nothing', () =>
      within(async ({ store }) => {
        const charged = [
          counterOf(9, { cost: 3 }),
          counterOf(9, { account: 'b', cost: 1 }),
          counterOf(0, { account: 'c', cost: 0 }),
          counterOf(9, { account: 'd' }),
        ];
        const outcome = await store.consume('a', charged, 3);
        expect(outcome).toMatchObject({ allowed: true, used: [3, 1, 0, 3], resetAfterMs: [60_000, 60_000, 0, 60_000] });
        expect(await store.peek('c', [counterOf(9)], 0)).toMatchObject({ used: [0], resetAfterMs: [0] });
        await store.refund('a', charged, 3, outcome);
        expect(await store.peek('a', charged, 3)).toMatchObject({ used: [0, 0, 0, 0] });
      }));

    it('a charge of cost 0 on all counters is admitted where all are full', () =>
      within(async ({ store }) => {
        const none = [counterOf(0, { cost: 0 }), counterOf(0, { account: 'b', cost: 0 })];
        expect(await store.consume('a', none, 0)).toMatchObject({ allowed: true, used: [0, 0], retryAfterMs: 0 });
      }));

    it('a refund gives back to each account what still counts there, and nothing after a reset of one', () =>
      within(async (under) => {
        const { store } = under;
        const both = [counterOf(9, { cost: 2 }), counterOf(9, { account: 'b', cost: 5 })];
        const outcome = await store.consume('a', both, 5);
        await store.reset('b');
        await store.consume('a', both, 5);
        await store.refund('a', both, 5, outcome);
        expect(await store.peek('a', both, 0)).toMatchObject({ used: [2, 5] });
        await timeOf(under).advance(60_000);
        await store.refund('a', both, 5, outcome);
        expect(await store.peek('a', both, 0)).toMatchObject({ used: [0, 0] });
      }));

    if (options.records) {
      it('a record counts on each account with its own cost', () =>
        within(async ({ store }) => {
          const both = [
            counterOf(9, { cost: 2 }),
            counterOf(9, { account: 'b', cost: 0 }),
            counterOf(9, { name: '*' }),
          ];
          await store.record!('a', both, 4, 1000);
          expect(await store.peek('a', both, 0)).toMatchObject({ used: [2, 0, 4], resetAfterMs: [59_000, 0, 59_000] });
        }));
    }

    if (options.throttles) {
      it('a refusal is a violation of each account without room for its cost, and of no other', () =>
        within(async ({ store }) => {
          const throttle = new Throttle({ afterViolations: 1, withinMs: 60_000, forMs: 60_000, factor: 0.5 });
          const three = [
            counterOf(4, { throttle, cost: 5 }),
            counterOf(4, { throttle, account: 'b', cost: 1 }),
            counterOf(0, { throttle, account: 'c', cost: 0 }),
          ];
          expect(await store.consume('a', three, 5)).toMatchObject({
            throttledMs: [60_000, 0, 0],
            beganThrottling: true,
          });
          await store.pardon!('b');
          const alone = [counterOf(4, { throttle })];
          expect(await store.peek('a', alone, 0)).toMatchObject({ throttledMs: [60_000] });
          expect(await store.peek('b', alone, 0)).toMatchObject({ throttledMs: [0] });
          await store.pardon!('a');
          expect(await store.peek('a', alone, 0)).toMatchObject({ throttledMs: [0] });
        }));
    }

    it('a reset of an account reaches its counters, and none that its charges named of others', () =>
      within(async ({ store }) => {
        const both = [counterOf(9), counterOf(9, { account: 'b' })];
        await store.consume('a', both, 1);
        await store.reset('a');
        expect(await store.peek('a', both, 0)).toMatchObject({ used: [0, 1] });
        await store.reset('b', 'legs');
        expect(await store.peek('a', both, 0)).toMatchObject({ used: [0, 0] });
      }));

    it('hostile accounts have their own counters in one charge', () =>
      within(async ({ store }) => {
        const accounts = ['', ...HOSTILE_NAMES];
        for (let from = 0; from < accounts.length; from += 8) {
          const some = accounts.slice(from, from + 8);
          const counters = some.map((account, index) => counterOf(99, { account, cost: index + 1 }));
          const subjects = some.map((account, index) =>
            counterOf(99, { name: `*~leg/${account}`, account, cost: 10 + index }),
          );
          const { used } = await store.consume('x', [...counters, ...subjects], 17);
          expect(used).toEqual([...some.map((_, index) => index + 1), ...some.map((_, index) => 10 + index)]);
        }
        for (const [index, account] of accounts.entries()) {
          const alone = [counterOf(99), counterOf(99, { name: `*~leg/${account}` })];
          expect([account, (await store.peek(account, alone, 0)).used]).toEqual([
            account,
            [(index % 8) + 1, (index % 8) + 10],
          ]);
        }
      }));

    it('a charge of 88 counters of 8 accounts is one charge', () =>
      within(async ({ store }) => {
        const counters = Array.from({ length: 8 }, (_, owner) => [
          ...['legs', '*', '*/*'].map((name) => counterOf(9, { name, account: `owner${owner}`, cost: owner })),
          ...Array.from({ length: 8 }, (_, leg) =>
            counterOf(9, { name: `*~leg/${leg}`, subject: `${leg}`, account: `owner${owner}`, cost: owner }),
          ),
        ]).flat();
        expect(counters).toHaveLength(88);
        const outcome = await store.consume('owner0', counters, 7);
        expect(outcome.allowed).toBe(true);
        expect(outcome.used).toEqual(counters.map(({ cost }) => cost));
        const refused = await store.consume('owner0', counters, 7);
        expect(refused.allowed).toBe(false);
        expect(refused.used).toEqual(counters.map(({ cost }) => cost));
        await store.refund('owner0', counters, 7, outcome);
        expect((await store.peek('owner0', counters, 7)).used).toEqual(counters.map(() => 0));
      }));

    it('charges that are all pending at once, on accounts in any order, exceed no limit', () =>
      within(async ({ store }) => {
        const both = [counterOf(7, { account: 'a' }), counterOf(99, { account: 'b' })];
        const charges = Array.from({ length: 20 }, (_, index) =>
          store.consume(index % 2 === 0 ? 'a' : 'b', index % 2 === 0 ? both : both.toReversed(), 2),
        );
        const outcomes = await Promise.all(charges);
        const admitted = outcomes.filter(({ allowed }) => allowed).length;
        // A store that reserves and gives back may refuse a charge for what another one then gives back.
        expect(admitted).toBeLessThanOrEqual(3);
        expect(await store.peek('a', both, 0)).toMatchObject({ used: [2 * admitted, 2 * admitted] });
      }));
  });
}
