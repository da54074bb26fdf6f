import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COUNTER_WORDS } from '../../../packages/core/dist/memory/record-layout.js';
import { RecordPages } from '../../../packages/core/dist/memory/records.js';
import { AccountKey } from '../../../packages/core/dist/memory/table/account-key.js';
import { KeyIndex } from '../../../packages/core/dist/memory/table/key-index.js';
import { runsFor } from '../../effort.js';

function keyOf(account: string, seed = 7): AccountKey {
  const key = new AccountKey(seed);
  key.read(account);
  return key;
}

function subjectKeyOf(account: string, subject: string): AccountKey {
  const key = new AccountKey(7);
  key.readSubject(keyOf(account), `kind/${subject}`, 5);
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
    findSubject: (name: string, account: string, subject: string) => keys.find(name, subjectKeyOf(account, subject)),
    addSubject: (name: string, account: string, subject: string) => {
      const slot = free.pop() ?? next++;
      records.reach(slot);
      keys.add(slot, name, subjectKeyOf(account, subject));
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

describe('KeyIndex with subjects', () => {
  const lengths = fc.constantFrom(0, 1, 3, 4, 5, 8, 15, 16, 17, 20, 21, 24, 25, 39, 40, 41, 60, 64, 65, 200);
  const sized = fc
    .tuple(
      lengths,
      fc.constantFrom('a', '1', '\0', '\u0001', '\u00ff', '\u0100', '\ud800', '/'),
      fc.constantFrom('a', 'b', '\0', '1'),
    )
    .map(([length, unit, last]) => (length === 0 ? '' : unit.repeat(length - 1) + last));
  const id = fc.oneof(
    fc.constantFrom('', 'a', 'b', 'ab', 'a/b', '__proto__', '\u0001a'),
    sized,
    fc.string({ maxLength: 70 }),
  );

  it('agrees with a Map for random accounts and subjects, and finds all counters of an account', () => {
    const pick = fc.tuple(fc.constantFrom('*~leg', '*~key', ''), id, fc.option(id, { nil: undefined }));
    fc.assert(
      fc.property(fc.array(pick, { maxLength: 60, size: 'max' }), (picks) => {
        const keys = index();
        const model = new Map<string, number>();
        const find = ([name, account, subject]: (typeof picks)[0]) =>
          subject === undefined ? keys.find(name, account) : keys.findSubject(name, account, subject);
        for (const one of picks) {
          const [name, account, subject] = one;
          const known = JSON.stringify([name, account, subject ?? null]);
          const slot = model.get(known);
          expect(find(one)).toBe(slot ?? -1);
          if (slot === undefined) {
            model.set(known, subject === undefined ? keys.add(name, account) : keys.addSubject(name, account, subject));
          } else {
            keys.delete(slot);
            model.delete(known);
          }
          const names = [...model.keys()].map((one) => JSON.parse(one) as [string, string, string | null]);
          const own = names.filter((one) => one[1] === account).map(([name]) => name);
          expect(keys.namesOf(account).sort()).toEqual(own.sort());
          expect(keys.size).toBe(model.size);
        }
        for (const one of picks)
          expect(find(one)).toBe(model.get(JSON.stringify([one[0], one[1], one[2] ?? null])) ?? -1);
      }),
      { numRuns: runsFor(300) },
    );
  });

  it('no two pairs of account and subject have one key, whatever their characters are', () => {
    const shown = (account: string, subject: string) => {
      const key = subjectKeyOf(account, subject);
      return JSON.stringify([key.form, [...key.words.slice(0, key.wordCount)], key.wordCount === 0 ? key.text() : '']);
    };
    fc.assert(
      fc.property(fc.tuple(id, id), fc.tuple(id, id), (one, other) => {
        fc.pre(one[0] !== other[0] || one[1] !== other[1]);
        expect(shown(...one)).not.toBe(shown(...other));
        const plain = keyOf(other[0]);
        expect(subjectKeyOf(...one).form).not.toBe(plain.form);
      }),
      { numRuns: runsFor(2000) },
    );
    // The same characters, cut at every place: packed, unpacked and digested.
    for (const length of [10, 20, 23, 24, 30, 64, 65, 130]) {
      const text = 'a'.repeat(length);
      const cuts = Array.from({ length: length + 1 }, (_, at) => shown(text.slice(0, at), text.slice(at)));
      expect(new Set(cuts).size).toBe(length + 1);
    }
  });

  it('hashes of a million subjects of one account are spread as those of accounts', () => {
    const own = keyOf('ameyo5m');
    const key = new AccountKey(7);
    const seen = new Uint8Array(1 << 16);
    for (let leg = 0; leg < 100_000; leg++) {
      key.readSubject(own, `*~leg/L${leg}`, 6);
      seen[key.hash & 0xffff]!++;
    }
    // 100,000 random hashes leave 22 % of 65,536 places empty.
    expect(seen.filter((count) => count === 0).length / seen.length).toBeLessThan(0.3);
    expect(seen.reduce((most, count) => Math.max(most, count))).toBeLessThan(20);
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
          const { hash, form, wordCount } = keyOf(account);
          expect([key.hash, key.form, key.wordCount]).toEqual([hash, form, wordCount]);
          if (account !== '' && wordCount === 0) expect([key.text(), key.hasText(account)]).toEqual([account, true]);
          expect(key.words.slice(0, wordCount)).toEqual(keyOf(account).words.slice(0, wordCount));
        }
      }),
    );
  });
});
