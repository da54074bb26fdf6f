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
  });
}
