import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashOf, KeyIndex } from '../../packages/core/dist/key-index.js';
import { RecordPages } from '../../packages/core/dist/record-pages.js';
import { COUNTER_WORDS } from '../../packages/core/dist/window-records.js';

/** An index over records of its own, which gives slots away as a table does. */
function index() {
  const records = new RecordPages(COUNTER_WORDS);
  const keys = new KeyIndex(records);
  const free: number[] = [];
  let next = 0;
  return {
    keys,
    add: (name: string, account: string) => {
      const slot = free.pop() ?? next++;
      records.reach(slot);
      keys.add(slot, name, account);
      return slot;
    },
    delete: (slot: number) => {
      keys.delete(slot);
      free.push(slot);
    },
  };
}

describe('KeyIndex', () => {
  it('is a map, through growth and deletion', () => {
    const prefix = fc.constantFrom('', '__proto__', '\ud800', 'x'.repeat(100));
    fc.assert(
      fc.property(prefix, fc.integer({ min: 1, max: 6 }), (prefix, deleted) => {
        const { keys, add, delete: remove } = index();
        const model = new Map<string, number>();
        const agree = (account: string) => keys.find('legs', account) === (model.get(account) ?? -1);
        for (let i = 0; i < 25_000; i++) {
          const account = `${prefix}${i}`;
          if (!agree(account)) expect.unreachable(`${account} was there before it was added`);
          model.set(account, add('legs', account));
          if (i % deleted === 0) {
            const gone = `${prefix}${Math.floor(i / 2)}`;
            const slot = model.get(gone);
            if (slot !== undefined) remove(slot);
            model.delete(gone);
          }
        }
        expect(keys.size).toBe(model.size);
        let wrong = 0;
        for (let i = 0; i < 25_000; i++) if (!agree(`${prefix}${i}`)) wrong++;
        expect(wrong).toBe(0);
      }),
      { numRuns: 12 },
    );
  });

  it('agrees with Map on random names, accounts and operations, and knows which names there are', () => {
    const key = fc.oneof(
      fc.constantFrom('', '__proto__', '\0', '*', '\ud800', '\udc00', '\ufffd'),
      fc.string({ maxLength: 90 }),
    );
    const name = fc.constantFrom('legs', 'bridges', '__proto__', '');
    fc.assert(
      fc.property(fc.array(fc.tuple(name, key), { maxLength: 100, size: 'max' }), (pairs) => {
        const { keys, add, delete: remove } = index();
        const model = new Map<string, number>();
        const names = () => new Set([...model.keys()].map((pair) => (JSON.parse(pair) as [string])[0]));
        for (const [name, account] of pairs) {
          const pair = JSON.stringify([name, account]);
          expect(keys.find(name, account)).toBe(model.get(pair) ?? -1);
          const slot = model.get(pair);
          if (slot === undefined) model.set(pair, add(name, account));
          else remove(slot);
          if (slot !== undefined) model.delete(pair);
          expect(keys.find(name, account)).toBe(model.get(pair) ?? -1);
          expect(keys.size).toBe(model.size);
          expect(new Set(keys.names)).toEqual(names());
        }
      }),
    );
  });

  it('hashes every character of the longest key there is, so that no one can choose the chain', () => {
    const key = 'a'.repeat(257);
    const hashes = new Set([hashOf(key, 7)]);
    for (let at = 0; at < key.length; at++) hashes.add(hashOf(`${key.slice(0, at)}b${key.slice(at + 1)}`, 7));
    expect(hashes.size).toBeGreaterThan(key.length - 2);
    expect(hashOf('a', 7)).not.toBe(hashOf('a', 8));
  });
});
