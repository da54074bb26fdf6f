import { Quota } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { HOSTILE_NAMES, hostileWorld } from './traces.js';
import type { StoreWorld } from './world.js';

/** A store keeps accounts and counters apart, whatever their names are. */
export function describeNames({ check, within }: StoreWorld): void {
  describe('names', () => {
    it('different names have different counters, in a trace of hostile names', () =>
      check(600, hostileWorld, (answered) => {
        for (const { kind, cost, outcome, expected } of answered) {
          const charged = kind === 'consume' && expected.allowed ? cost : 0;
          expect(outcome.allowed).toBe(expected.allowed);
          expect(outcome.used).toEqual(expected.used.map((used) => used + charged));
        }
      }));
    it('every hostile account has a counter of its own for every hostile name', () =>
      within(async ({ store }) => {
        const long = 'x'.repeat(10_000_000);
        const accounts = ['', ...HOSTILE_NAMES, long, `${long}y`];
        const names = [...HOSTILE_NAMES, long, `y${long}`];
        const counterOf = (name: string) => [{ name, quotas: [new Quota({ limit: 1, windowMs: 60_000 })] }];
        for (const account of accounts) {
          // The longest names are slow to hash, so they are combined only with each other.
          for (const name of account.length > 1000 ? names.slice(-2) : names.slice(0, -2)) {
            expect((await store.consume(account, counterOf(name), 1)).allowed).toBe(true);
            expect((await store.consume(account, counterOf(name), 1)).allowed).toBe(false);
          }
        }
        await store.reset('__proto__');
        expect((await store.peek('__proto__', counterOf('*'), 1)).allowed).toBe(true);
        expect((await store.peek('constructor', counterOf('*'), 1)).allowed).toBe(false);
        await store.reset('constructor', '*');
        expect((await store.peek('constructor', counterOf('*'), 1)).allowed).toBe(true);
        expect((await store.peek('constructor', counterOf('/'), 1)).allowed).toBe(false);
      }));
    it('long names that differ in one character are different, wherever that is', () =>
      within(async ({ store }) => {
        const ends = ['', 'a', 'b', 'A', 'aa', '\0', '\ud800', '\udc00', '\ufffd', '\ud800\udc00', 'é', 'e\u0301'];
        const names = [63, 64, 65, 128, 256, 257].flatMap((length) => ends.map((end) => 'x'.repeat(length) + end));
        const long = 'y'.repeat(300);
        names.push(...[0, 63, 64, 150, 299].map((index) => `${long.slice(0, index)}z${long.slice(index + 1)}`));
        const counterOf = (name: string) => [{ name, quotas: [new Quota({ limit: 1, windowMs: 60_000 })] }];
        const different = new Set(names);
        for (const name of different) {
          expect((await store.consume(name, counterOf('legs'), 1)).allowed).toBe(true);
          expect((await store.consume('a', counterOf(name), 1)).allowed).toBe(true);
        }
        for (const name of different) {
          expect((await store.consume(name, counterOf('legs'), 1)).allowed).toBe(false);
          expect((await store.consume('a', counterOf(name), 1)).allowed).toBe(false);
        }
        await store.reset(`${'x'.repeat(65)}\ud800`);
        const used = async (account: string, name: string) => (await store.peek(account, counterOf(name), 0)).used[0];
        for (const name of different) expect(await used(name, 'legs')).toBe(name === `${'x'.repeat(65)}\ud800` ? 0 : 1);
        await store.reset('a', `${'x'.repeat(257)}b`);
        for (const name of different) expect(await used('a', name)).toBe(name === `${'x'.repeat(257)}b` ? 0 : 1);
      }));
    it('a reset for one limiter leaves the counters of others', () =>
      within(async ({ store }) => {
        const long = 'x'.repeat(100_000);
        const ownNames = ['*login/legs', '*login/*', '*login/*/legs', `*login/${long}`];
        const otherNames = [
          'legs',
          '*',
          '*/legs',
          '*login',
          'login/legs',
          '*login2/legs',
          `*logi/n${long}`,
          `x${long}`,
        ];
        const counterOf = (name: string) => [{ name, quotas: [new Quota({ limit: 1, windowMs: 60_000 })] }];
        for (const name of [...ownNames, ...otherNames]) await store.consume('a', counterOf(name), 1);
        await store.consume('b', counterOf('*login/legs'), 1);
        const usedOf = async (account: string, name: string) => (await store.peek(account, counterOf(name), 0)).used[0];
        const used = (names: readonly string[]) => Promise.all(names.map((name) => usedOf('a', name)));
        await store.reset('a', undefined, 'login');
        expect(await used(ownNames)).toEqual(ownNames.map(() => 0));
        expect(await used(otherNames)).toEqual(otherNames.map(() => 1));
        expect(await usedOf('b', '*login/legs')).toBe(1);
        await store.reset('a', undefined, 'default');
        expect(await usedOf('a', '*login2/legs')).toBe(1);
        expect(await usedOf('a', `*logi/n${long}`)).toBe(1);
        expect(await used(['legs', '*', '*/legs', '*login', 'login/legs', `x${long}`])).toEqual([0, 0, 0, 0, 0, 0]);
        await store.reset('a');
        expect(await used(otherNames)).toEqual(otherNames.map(() => 0));
      }));
  });
}
