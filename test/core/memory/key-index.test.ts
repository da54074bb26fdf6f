import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COUNTER_WORDS } from '../../../packages/core/dist/memory/record-layout.js';
import { RecordPages } from '../../../packages/core/dist/memory/records.js';
import { AccountKey } from '../../../packages/core/dist/memory/table/account-key.js';
import { KeyIndex } from '../../../packages/core/dist/memory/table/key-index.js';

function keyOf(account: string, seed = 7): AccountKey {
  const key = new AccountKey(seed);
  key.read(account);
  return key;
}

/** An index with its own records, which allocates slots as a table does. */
function index() {
  const records = new RecordPages(COUNTER_WORDS);
  const keys = new KeyIndex(records);
  const free: number[] = [];
  let next = 0;
  return {
    get size() {
      return keys.size;
    },
    /** The names of the account's counters. */
    namesOf: (account: string) => keys.slotsOf(keyOf(account)).map((slot) => keys.nameOf(slot)),
    find: (name: string, account: string) => keys.find(name, keyOf(account)),
    add: (name: string, account: string) => {
      const slot = free.pop() ?? next++;
      records.reach(slot);
      keys.add(slot, name, keyOf(account));
      return slot;
    },
    delete: (slot: number) => {
      keys.delete(slot);
      free.push(slot);
    },
  };
}

describe('KeyIndex', () => {
  it('agrees with a Map through growth and deletion', () => {
    const prefix = fc.constantFrom('', '__proto__', '\ud800', 'x'.repeat(100));
    fc.assert(
      fc.property(prefix, fc.integer({ min: 1, max: 6 }), (prefix, deleted) => {
        const keys = index();
        const model = new Map<string, number>();
        const agree = (account: string) => keys.find('legs', account) === (model.get(account) ?? -1);
        for (let i = 0; i < 25_000; i++) {
          const account = `${prefix}${i}`;
          if (!agree(account)) expect.unreachable(`${account} was there before it was added`);
          model.set(account, keys.add('legs', account));
          if (i % deleted === 0) {
            const gone = `${prefix}${Math.floor(i / 2)}`;
            const slot = model.get(gone);
            if (slot !== undefined) keys.delete(slot);
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

  it('agrees with a Map for random names, accounts and operations, and finds all counters of an account', () => {
    const key = fc.oneof(
      fc.constantFrom('', '__proto__', '\0', '*', '\ud800', '\udc00', '\ufffd'),
      fc.string({ maxLength: 90 }),
    );
    const name = fc.constantFrom('legs', 'bridges', '__proto__', '');
    fc.assert(
      fc.property(fc.array(fc.tuple(name, key), { maxLength: 100, size: 'max' }), (pairs) => {
        const keys = index();
        const model = new Map<string, number>();
        const namesOf = (account: string) => {
          const known = [...model.keys()].map((pair) => JSON.parse(pair) as [name: string, account: string]);
          return known.filter((pair) => pair[1] === account).map(([name]) => name);
        };
        for (const [name, account] of pairs) {
          const pair = JSON.stringify([name, account]);
          expect(keys.find(name, account)).toBe(model.get(pair) ?? -1);
          const slot = model.get(pair);
          if (slot === undefined) model.set(pair, keys.add(name, account));
          else keys.delete(slot);
          if (slot !== undefined) model.delete(pair);
          expect(keys.find(name, account)).toBe(model.get(pair) ?? -1);
          expect(keys.size).toBe(model.size);
          expect(keys.namesOf(account).sort()).toEqual(namesOf(account).sort());
        }
      }),
    );
  });
});

describe('AccountKey', () => {
  const hashOf = (account: string, seed = 7) => keyOf(account, seed).hash;

  it('hashes every character, of packed and of longer accounts', () => {
    for (const length of [1, 2, 3, 4, 5, 22, 23, 24, 25, 257]) {
      const account = 'a'.repeat(length);
      const hashes = new Set([hashOf(account)]);
      for (let index = 0; index < length; index++)
        hashes.add(hashOf(`${account.slice(0, index)}b${account.slice(index + 1)}`));
      expect(hashes.size).toBeGreaterThan(length - 2);
    }
    expect(hashOf('a')).not.toBe(hashOf('a', 8));
  });

  it('lets the seed decide which accounts collide, whichever characters differ', () => {
    // The highest bit of a word moves to a known place. If whole words were hashed, the next word could undo it there.
    const account = 'acctacct';
    const other = 'acc\u00f4acb\u00f4';
    const collisions = Array.from({ length: 1000 }, (_, seed) => hashOf(account, seed) === hashOf(other, seed));
    expect(collisions.filter(Boolean).length).toBeLessThan(2);
  });

  it('reads one account after the other, and keeps nothing of the one before', () => {
    const key = new AccountKey(7);
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 40, unit: 'binary' })), (accounts) => {
        for (const account of accounts) {
          key.read(account);
          const { hash, form, wordCount, text } = keyOf(account);
          expect([key.hash, key.form, key.wordCount, key.text]).toEqual([hash, form, wordCount, text]);
          expect(key.words.slice(0, wordCount)).toEqual(keyOf(account).words.slice(0, wordCount));
        }
      }),
    );
  });
});
