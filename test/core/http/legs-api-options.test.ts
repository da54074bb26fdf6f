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
});
