import { expect, it } from 'vitest';
import { legs, violate } from './throttled-legs.js';
import type { StoreWorld } from './world.js';

/** Calls that end a throttling early. */
export function describePardon({ within }: StoreWorld): void {
  it.each([
    ['of the counter', 'legs'],
    ['of the account', undefined],
  ])('pardon %s forgets violations and throttling, and keeps the used cost', (_, name) =>
    within(async (under) => {
      const { store } = under;
      const spec = legs({ escalate: { factor: 3, maxMs: 60_000 } });
      const pardon = () => (name === undefined ? store.pardon!('a') : store.pardon!('a', name));
      await store.consume('a', [spec], 3);
      await violate(under, [spec], 2);
      await pardon();
      expect((await violate(under, [spec], 2)).throttledMs).toEqual([0]);
      expect((await violate(under, [spec])).throttledMs).toEqual([5000]);
      expect((await store.peek('a', [spec], 1)).allowed).toBe(false);
      await pardon();
      expect(await store.consume('a', [spec], 1)).toMatchObject({ allowed: true, used: [4], throttledMs: [0] });
      expect((await violate(under, [spec], 2)).throttledMs).toEqual([0]);
      expect((await violate(under, [spec])).throttledMs).toEqual([5000]);
    }),
  );
  it('pardon and reset of one counter or account do not change the others', () =>
    within(async (under) => {
      const { store } = under;
      const [one, other] = [legs({ afterViolations: 1 }), legs({ afterViolations: 1 }, '*')];
      await violate(under, [one, other]);
      await store.pardon!('b');
      await store.reset('b');
      await store.pardon!('a', 'unknown');
      await store.pardon!('a', '*');
      expect((await store.peek('a', [one, other], 0)).throttledMs).toEqual([5000, 0]);
      await violate(under, [other]);
      await store.reset('a', 'legs');
      expect((await store.peek('a', [one, other], 0)).throttledMs).toEqual([0, 5000]);
    }));
  it.each([
    ['of the counter', 'legs'],
    ['of the account', undefined],
  ])('reset %s forgets violations and throttling with the rest', (_, name) =>
    within(async (under) => {
      const { store } = under;
      const reset = () => (name === undefined ? store.reset('a') : store.reset('a', name));
      await violate(under, [legs()], 2);
      await reset();
      expect((await violate(under, [legs()], 2)).throttledMs).toEqual([0]);
      expect((await violate(under, [legs()])).throttledMs).toEqual([5000]);
      await reset();
      expect(await store.consume('a', [legs()], 4)).toMatchObject({ allowed: true, used: [4], throttledMs: [0] });
    }),
  );
}
