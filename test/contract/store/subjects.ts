import { type CounterSpec, Quota, type Store, Throttle } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeParties } from './parties.js';
import { HOSTILE_KINDS, HOSTILE_SUBJECTS, withHostileSubjects, withSubjects } from './party-traces.js';
import { exactWorld, HOSTILE_NAMES } from './traces.js';
import type { StoreWorld } from './world.js';

/** The promises with counters of subjects. */
export function describeSubjects(
  world: StoreWorld,
  options: { readonly records: boolean; readonly throttles: boolean },
): void {
  const { check, within } = world;
  const quotas = [new Quota({ limit: 2, windowMs: 60_000 })];
  const ofSubject = (subject: string, kind = '*~leg'): CounterSpec => ({ name: `${kind}/${subject}`, quotas, subject });
  const usedOf = async (store: Store, account: string, name: string) =>
    (await store.peek(account, [{ name, quotas }], 0)).used[0];

  describe('subjects', () => {
    describeParties(world, withSubjects, options);

    it('different subjects have different counters, in a trace of hostile ids', () =>
      check(500, withHostileSubjects(exactWorld), (answered) => {
        for (const { kind, cost, outcome, expected } of answered) {
          const charged = kind === 'consume' && expected.allowed ? cost : 0;
          expect(outcome.allowed).toBe(expected.allowed);
          expect(outcome.used).toEqual(expected.used.map((used) => used + charged));
        }
      }));

    it('equal names are one counter, with the subject named or not', () =>
      fc.assert(
        fc.asyncProperty(fc.constantFrom(...HOSTILE_KINDS), fc.string({ unit: 'binary' }), (kind, subject) =>
          within(async ({ store }) => {
            const { name } = ofSubject(subject, kind);
            expect(await store.consume('a', [ofSubject(subject, kind)], 1)).toMatchObject({ used: [1] });
            expect(await store.consume('a', [{ name, quotas }], 1)).toMatchObject({ used: [2] });
            expect(await store.consume('a', [ofSubject(subject, kind)], 1)).toMatchObject({ allowed: false });
          }),
        ),
        { numRuns: world.runs(60) },
      ));

    it('every hostile account has a counter of its own for every hostile subject, and for the name of the kind', () =>
      within(async ({ store }) => {
        const ids = [...new Set(['', ...HOSTILE_NAMES, ...HOSTILE_SUBJECTS])];
        const accounts = ids.filter((_, index) => index % 4 === 0).concat('a', 'a/b', 'a/*~leg/b');
        const charge = async (account: string, name: string) => {
          const { allowed, used } = await store.consume(account, [{ name, quotas }], 1);
          return [account, name, allowed, used[0]];
        };
        for (const count of [1, 2]) {
          for (const account of new Set(accounts)) {
            for (const name of ['*~leg', ...ids.map((id) => `*~leg/${id}`)]) {
              expect(await charge(account, name)).toEqual([account, name, true, count]);
            }
          }
        }
        await store.reset('a/b');
        for (const account of new Set(accounts)) {
          for (const id of ids) {
            expect([account, id, await usedOf(store, account, `*~leg/${id}`)]).toEqual([
              account,
              id,
              account === 'a/b' ? 0 : 2,
            ]);
          }
        }
      }));

    it('ids of 10 MB are subjects like others', () =>
      within(async ({ store }) => {
        const long = 'x'.repeat(10_000_000);
        for (const [account, subject] of [
          ['a', long],
          ['a', `${long}y`],
          [long, 'a'],
          [`${long}y`, 'a'],
        ] as const) {
          expect(await store.consume(account, [ofSubject(subject)], 2)).toMatchObject({ allowed: true, used: [2] });
          expect(await store.consume(account, [ofSubject(subject)], 1)).toMatchObject({ allowed: false });
        }
        await store.reset('a');
        expect(await usedOf(store, 'a', `*~leg/${long}`)).toBe(0);
        expect(await usedOf(store, long, '*~leg/a')).toBe(2);
        await store.reset(long, '*~leg/a');
        expect(await usedOf(store, long, '*~leg/a')).toBe(0);
        expect(await usedOf(store, `${long}y`, '*~leg/a')).toBe(2);
      }));

    it.each([
      ['of the subject', (store: Store) => store.reset('a', '*~leg/L1'), ['*~leg/L1']],
      ['of the account', (store: Store) => store.reset('a'), ['legs', '*~leg/L1', '*~leg/L2', '*login/*~leg/L1']],
      ['of one limiter', (store: Store) => store.reset('a', undefined, 'login'), ['*login/*~leg/L1']],
      [
        'of the limiter without a name',
        (store: Store) => store.reset('a', undefined, 'default'),
        ['legs', '*~leg/L1', '*~leg/L2'],
      ],
      ['of the name of the kind', (store: Store) => store.reset('a', '*~leg'), []],
    ])('a reset %s reaches its counters and no others', (_, reset, forgotten) =>
      within(async ({ store }) => {
        const names = ['legs', '*~leg/L1', '*~leg/L2', '*login/*~leg/L1'];
        for (const account of ['a', 'b', 'a/*~leg']) {
          await store.consume(
            account,
            names.map((name) => ({ name, quotas })),
            1,
          );
        }
        await reset(store);
        for (const account of ['a', 'b', 'a/*~leg']) {
          for (const name of names) {
            const left = account === 'a' && (forgotten as string[]).includes(name) ? 0 : 1;
            expect([account, name, await usedOf(store, account, name)]).toEqual([account, name, left]);
          }
        }
      }),
    );

    if (options.throttles) {
      const throttle = new Throttle({ afterViolations: 1, withinMs: 60_000, forMs: 60_000, factor: 0.5 });
      const throttledOf = async (store: Store, account: string, subject: string) =>
        (await store.peek(account, [{ ...ofSubject(subject), throttle }], 0)).throttledMs?.[0];

      it('a subject is throttled alone, and a refusal of one is no violation of the others', () =>
        within(async ({ store }) => {
          const both = [
            { ...ofSubject('L1'), throttle },
            { ...ofSubject('L2'), throttle, quotas: [new Quota({ limit: 9, windowMs: 60_000 })] },
          ];
          expect(await store.consume('a', both, 3)).toMatchObject({ throttledMs: [60_000, 0], beganThrottling: true });
          expect(await throttledOf(store, 'a', 'L2')).toBe(0);
          expect(await throttledOf(store, 'b', 'L1')).toBe(0);
          expect(await store.consume('a', both, 1)).toMatchObject({ allowed: true, throttledMs: [60_000, 0] });
        }));

      it.each([
        ['of the subject', (store: Store) => store.pardon!('a', '*~leg/L1')],
        ['of the account', (store: Store) => store.pardon!('a')],
        ['of the limiter', (store: Store) => store.pardon!('a', undefined, 'default')],
      ])('a pardon %s ends the throttling of the subject, and keeps its used cost', (_, pardon) =>
        within(async ({ store }) => {
          for (const account of ['a', 'b']) {
            await store.consume(account, [{ ...ofSubject('L1'), throttle }], 1);
            await store.consume(account, [{ ...ofSubject('L1'), throttle }], 2);
          }
          expect(await throttledOf(store, 'a', 'L1')).toBe(60_000);
          await store.pardon!('a', undefined, 'login');
          expect(await throttledOf(store, 'a', 'L1')).toBe(60_000);
          await pardon(store);
          expect(await throttledOf(store, 'a', 'L1')).toBe(0);
          expect(await throttledOf(store, 'b', 'L1')).toBe(60_000);
          expect(await usedOf(store, 'a', '*~leg/L1')).toBe(1);
        }),
      );
    }
  });
}
