import { legsApiAccount, legsApiCategory } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const TABLE: readonly (readonly [string, string])[] = [
  ['/legs', 'legs'],
  ['/legs/l1', 'legs'],
  ['/legs/l1/actions', 'actions'],
  ['/legs/l1/actions/hangup', 'actions'],
  ['/legs/l1/external_events', 'events'],
  ['/bridges', 'bridges'],
  ['/bridges/b1', 'bridges'],
  ['/bridges/b1/actions', 'actions'],
  ['/bridges/b1/actions/start_stream', 'actions'],
  ['/bridges/b1/external_events', 'events'],
  ['', 'other'],
  ['/numbers', 'other'],
  ['/legs/l1/recordings', 'other'],
  ['/legs/l1/actions/hangup/now', 'other'],
  ['/legs/l1/external_events/e1', 'other'],
  ['/calls/legs', 'other'],
];

describe('legsApiCategory', () => {
  it.each(TABLE)('the path %s of an account is of the category %s', (path, category) => {
    expect(legsApiCategory(`/v2/accounts/a1${path}`)).toBe(category);
  });

  it('finds the category in a path with the account elsewhere', () => {
    expect(legsApiCategory('/legs/l1/actions')).toBe('actions');
    expect(legsApiCategory('/api/v3/bridges/b1')).toBe('bridges');
    expect(legsApiCategory('/')).toBe('other');
  });

  it('does not mix up a part of the path with an account or sid of the same name', () => {
    expect(legsApiCategory('/v2/accounts/legs')).toBe('other');
    expect(legsApiCategory('/v2/accounts/legs/bridges')).toBe('bridges');
    expect(legsApiCategory('/v2/accounts/a/legs/actions')).toBe('legs');
    expect(legsApiCategory('/v2/accounts/accounts/legs')).toBe('legs');
    expect(legsApiAccount('/v2/accounts/accounts/legs')).toBe('accounts');
  });

  const slashes = fc.integer({ min: 1, max: 3 }).map((count) => '/'.repeat(count));
  const prefix = fc.constantFrom('', '/v2', '/api/v2', 'https://cpaas-api.example/v2');
  const suffix = fc.constantFrom('', '/', '//', '?x=1', '/?a=/legs/b/actions', '#top');

  /** The segment with every character of `which` encoded or in the other case. */
  function respell(segment: string, which: readonly number[]): string {
    return [...segment]
      .map((character, index) => {
        switch (which[index % which.length]) {
          case 1:
            return `%${character.charCodeAt(0).toString(16)}`;
          case 2:
            return character.toUpperCase();
          default:
            return character;
        }
      })
      .join('');
  }

  it('is the same in every spelling, under every prefix', () => {
    const spelling = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(...TABLE), prefix, slashes, suffix, spelling, (row, before, slash, after, which) => {
        const [path, category] = row;
        const segments = `accounts/a1${path}`.split('/').map((segment) => respell(segment, which));
        expect(legsApiCategory(`${before}${slash}${segments.join(slash)}${after}`)).toBe(category);
      }),
    );
  });
});

describe('legsApiAccount', () => {
  it('decodes an account once, like routers', () => {
    expect(legsApiAccount('/v2/accounts/%61%6D/legs')).toBe('am');
    expect(legsApiAccount('/v2/accounts/%2561/legs')).toBe('%61');
    expect(legsApiAccount('/v2/accounts/a%2Fb/legs')).toBe('a/b');
    expect(legsApiAccount('/v2/accounts/%E0%A4%A')).toBe('%E0%A4%A');
    expect(legsApiAccount('/v2/accounts')).toBeUndefined();
    expect(legsApiAccount('/legs?next=/accounts/a')).toBeUndefined();
  });

  it('never throws, and returns a segment of the path or nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        const account = legsApiAccount(`/accounts/${text}`);
        if (account !== undefined) expect(account).not.toBe('');
        expect(['legs', 'bridges', 'actions', 'events', 'other']).toContain(legsApiCategory(text));
      }),
    );
  });
});
