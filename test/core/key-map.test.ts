import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashOf, KeyMap } from '../../packages/core/dist/key-map.js';

describe('KeyMap', () => {
  it('is a map, through growth and deletion', () => {
    const seed = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    const prefix = fc.constantFrom('', '__proto__', '\ud800', 'x'.repeat(100));
    fc.assert(
      fc.property(seed, prefix, fc.integer({ min: 1, max: 6 }), (seed, prefix, deleted) => {
        const map = new KeyMap(seed);
        const model = new Map<string, number>();
        const agree = (key: string) => map.get(key) === (model.get(key) ?? -1);
        for (let i = 0; i < 25_000; i++) {
          const key = `${prefix}${i}`;
          if (!agree(key)) expect.unreachable(`${key} was there before it was added`);
          map.add(key, i);
          model.set(key, i);
          if (i % deleted === 0) {
            const gone = `${prefix}${Math.floor(i / 2)}`;
            if (model.delete(gone)) map.delete(gone);
          }
        }
        expect(map.size).toBe(model.size);
        let wrong = 0;
        for (let i = 0; i < 25_000; i++) if (!agree(`${prefix}${i}`)) wrong++;
        expect(wrong).toBe(0);
      }),
      { numRuns: 12 },
    );
  });

  it('agrees with Map on random keys and operations', () => {
    const key = fc.oneof(
      fc.constantFrom('', '__proto__', '\0', '*', '\ud800', '\udc00', '\ufffd'),
      fc.string({ maxLength: 90 }),
    );
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(fc.tuple(key, fc.nat(1e9)), { maxLength: 100, size: 'max' }),
        (seed, pairs) => {
          const map = new KeyMap(seed);
          const model = new Map<string, number>();
          for (const [key, value] of pairs) {
            expect(map.get(key)).toBe(model.get(key) ?? -1);
            if (model.delete(key)) map.delete(key);
            else {
              map.add(key, value);
              model.set(key, value);
            }
            expect(map.get(key)).toBe(model.get(key) ?? -1);
            expect(map.size).toBe(model.size);
          }
        },
      ),
    );
  });

  it('hashes every character of the longest key there is, so that no one can choose the shard', () => {
    const key = 'a'.repeat(257);
    const hashes = new Set([hashOf(key, 7)]);
    for (let at = 0; at < key.length; at++) hashes.add(hashOf(`${key.slice(0, at)}b${key.slice(at + 1)}`, 7));
    expect(hashes.size).toBeGreaterThan(key.length - 2);
    expect(hashOf('a', 7)).not.toBe(hashOf('a', 8));
  });
});
