import { Policy } from '@tollgate/core';
import { type HttpOptions, legsApiOptions } from '@tollgate/core/http';
import { describe, expect, it } from 'vitest';

type Options = HttpOptions<object, object>;

describe('legsApiOptions', () => {
  it('brings policy, account and paths, and options that are given win', () => {
    const preset = legsApiOptions<Options>({});
    expect(Object.keys(preset).sort()).toEqual(['account', 'paths', 'policy']);
    expect(preset.policy).toBeInstanceOf(Policy);
    const policy = { quotas: 'unlimited' } as const;
    const account = () => 'a';
    expect(legsApiOptions<Options>({ policy, account, category: 'x', code: undefined as never })).toEqual({
      ...preset,
      policy,
      account,
      category: 'x',
    });
    expect(legsApiOptions<Options>({ limiter: {} as never })).not.toHaveProperty('policy');
    expect(Object.keys(legsApiOptions<Options>({ charges: () => [] })).sort()).toEqual(['charges', 'paths', 'policy']);
  });

  it('takes a plain object alone', () => {
    for (const wrong of [null, 5, 'x', [], new Map()]) {
      expect(() => legsApiOptions(wrong as never)).toThrow(/Expected `legsApi` to be a plain object/);
    }
  });

  it.each([
    ['/v2/accounts/:account_sid', 'account_sid other'],
    ['/v2/accounts/:account_sid/legs', 'account_sid legs'],
    ['/v2/accounts/:id/LEGS/:sid/', 'id legs'],
    ['/accounts/:id/bridges/:sid/actions', 'id actions'],
    ['/accounts/:id/bridges/:sid/actions/:verb', 'id actions'],
    ['/accounts/:id/bridges/:sid/actions/:verb/:more', 'id other'],
    ['/accounts/:id/legs/:sid/external_events', 'id events'],
    ['/accounts/:id/legs/:sid/recordings', 'id other'],
    ['/accounts/:id/numbers/legs', 'id other'],
    ['/accounts/:id/legs/actions/actions', 'id actions'],
    // Another parameter, or a wildcard, takes the place of a word.
    ['/accounts/:id/:collection/:sid', undefined],
    ['/accounts/:id/legs/:sid/:part', undefined],
    ['/accounts/:id/legs/*', undefined],
    ['/accounts/:id/*', undefined],
    ['/:version/accounts/:id/legs', 'id legs'],
    ['/accounts/:id/legs/:sid?', undefined],
    // The leg is a part of a segment.
    ['/accounts/:id/legs/:sid.json', undefined],
    ['/accounts/:id/legs/:from-:to/actions', undefined],
    ['*', undefined],
    // The account is not the value of one parameter.
    ['/accounts/me/legs', undefined],
    ['/accounts/:a-:b/legs', undefined],
    ['/accounts/:id(^\\d+$)/legs', undefined],
    ['/accounts', undefined],
    ['/legs', undefined],
    ['', undefined],
    ['/', undefined],
  ])('reads the route %s as %s', (pattern, shown) => {
    const { parameter, category } = legsApiOptions<Options>({}).paths?.readRoute?.(pattern) ?? {};
    expect(category && `${parameter} ${category}`).toBe(shown);
  });

  it.each([
    ['/v2/accounts/:account_sid/legs/:leg_sid', { leg: 'leg_sid' }],
    ['/v2/accounts/:id/LEGS/:sid/', { leg: 'sid' }],
    ['/accounts/:id/legs/:sid(^\\d+$)/actions/:verb', { leg: 'sid' }],
    ['/accounts/:id/bridges/:bridge_sid/recordings', { bridge: 'bridge_sid' }],
    ['/accounts/:id/legs', undefined],
    ['/accounts/:id/legs/summary', undefined],
    ['/accounts/:id/numbers/:sid', undefined],
  ])('finds the parameter of the leg or bridge in the route %s: %j', (pattern, subjects) => {
    const shown = legsApiOptions<Options>({}).paths?.readRoute?.(pattern);
    expect(shown).toBeDefined();
    expect(shown?.subjects).toEqual(subjects);
  });

  it.each([
    ['/v2/accounts/a/legs/l1', { leg: 'l1' }],
    ['/v2/accounts/a/legs/l1/actions/hangup?leg=x', { leg: 'l1' }],
    ['/v2/accounts/a/LEGS//%6c%31/', { leg: 'l1' }],
    ['/v2/accounts/a/legs/%256c1', { leg: '%6c1' }],
    ['/v2/accounts/a/legs/%E0%A4%A', { leg: '%E0%A4%A' }],
    ['/v2/accounts/a/legs/bridges/b1', { leg: 'bridges' }],
    ['/v2/accounts/legs/bridges/b1', { bridge: 'b1' }],
    ['/bridges/b%2F1/actions', { bridge: 'b/1' }],
    ['/legs/l1/accounts/a', undefined],
    ['/legs/l1/accounts/a/bridges/b1', { bridge: 'b1' }],
    ['/v2/accounts/a/legs', undefined],
    ['/v2/accounts/a/numbers/legs/l1', undefined],
    ['', undefined],
  ])('finds the leg or bridge in the path %s: %j', (path, subjects) => {
    const { read } = legsApiOptions<Options>({}).paths!;
    expect(read(path, new Set(['leg', 'bridge', 'key'])).subjects).toEqual(subjects);
    expect(read(path, new Set(['key'])).subjects).toBeUndefined();
    expect(read(path, new Set(['leg'])).subjects).toEqual(subjects && 'leg' in subjects ? subjects : undefined);
  });
});
