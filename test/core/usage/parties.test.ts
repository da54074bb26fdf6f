import { perMinute } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { START_AT } from '../../contract/usage/requests.js';
import { countedBy, usageWorld } from './world.js';

const period = { from: START_AT, to: START_AT + 86_400_000 };

describe('usage of several charges', () => {
  it('counts the request once for each of their accounts, addresses and categories', async () => {
    const { limiter } = usageWorld({ policy: { quotas: [perMinute(2)], addresses: { quotas: [perMinute(9)] } } });
    const charges = [
      { address: '203.0.113.7', category: 'login' },
      { account: 'user', category: 'accounts' },
      { account: 'user', category: 'accounts', cost: 0 },
      { account: 'user', category: 'events' },
    ];
    for (let sent = 0; sent < 3; sent++) limiter.consumeAll(charges);
    limiter.peekAll(charges);
    const user = await limiter.usage({ account: 'user', ...period });
    expect(user.categories.map(({ category, admitted, refused }) => [category, admitted, refused])).toEqual([
      ['accounts', 2, 1],
      ['events', 2, 1],
    ]);
    const address = await limiter.usage({ address: '203.0.113.7', ...period });
    expect(address.totals).toMatchObject({ requests: 3, admitted: 2, refused: 1 });
    expect(countedBy(limiter)).toBe(9);
  });

  it('has the fullest limit of each account, and none of the others', async () => {
    const { limiter, store } = usageWorld({
      policy: {
        quotas: [perMinute(100)],
        each: { leg: [perMinute(10)] },
        service: [perMinute(10)],
        plans: { small: { quotas: [perMinute(20)] } },
      },
    });
    for (let sent = 0; sent < 10; sent++) {
      limiter.consumeAll([
        { account: 'a', category: 'legs', subjects: { leg: 'L1' } },
        { account: 'b', category: 'legs', plan: 'small' },
      ]);
    }
    // Those of the leg and of everybody together are full.
    await limiter.usage({ account: 'a', ...period });
    const { nearest } = await store.top({ limit: 10 });
    expect(nearest.map(({ account, used, limit }) => [account, used, limit])).toEqual([
      ['b', 10, 20],
      ['a', 10, 100],
    ]);
  });

  it('has the same requests when they are corrected', async () => {
    const { limiter } = usageWorld({ policy: { quotas: [perMinute(9)] } });
    const decision = await limiter.consumeAll([
      { account: 'a', category: 'calls', cost: 3 },
      { account: 'b', category: 'calls', cost: 3 },
    ]);
    expect(await decision.settle(1)).toBe(true);
    for (const account of ['a', 'b']) {
      expect((await limiter.usage({ account, ...period })).totals).toMatchObject({ requests: 1, admitted: 1 });
      expect((await limiter.peek({ account, category: 'calls' })).tightest?.used).toBe(1);
    }
  });
});

describe('usage of blocked parties', () => {
  it('counts their requests as refused', async () => {
    const { limiter } = usageWorld({
      policy: {
        quotas: [perMinute(9)],
        each: { key: { quotas: [perMinute(9)], blocked: ['k7'] } },
        accounts: { out: 'blocked' },
        addresses: { quotas: [perMinute(9)], '203.0.113.0/24': 'blocked' },
      },
    });
    limiter.consume({ account: 'out', category: 'legs' });
    limiter.consume({ address: '203.0.113.7', category: 'legs' });
    for (const key of ['k7', 'k8']) limiter.consume({ account: 'in', category: 'legs', subjects: { key } });
    const totals = async (who: { account: string } | { address: string }) =>
      (await limiter.usage({ ...who, ...period })).totals;
    expect(await totals({ account: 'out' })).toMatchObject({ requests: 1, admitted: 0, refused: 1 });
    expect(await totals({ address: '203.0.113.7' })).toMatchObject({ requests: 1, admitted: 0, refused: 1 });
    expect(await totals({ account: 'in' })).toMatchObject({ requests: 2, admitted: 1, refused: 1 });
  });
});

describe('usage of subjects', () => {
  it('is that of their account: however many there are, they make no entry', async () => {
    const policy = { quotas: [perMinute(100_000)], each: { leg: [perMinute(1)], key: [perMinute(100_000)] } };
    const { consume, limiter, store } = usageWorld({ policy });
    for (let sent = 0; sent < 10_000; sent++) consume({ subjects: { leg: `L${sent}`, key: '__proto__' } });
    for (let sent = 0; sent < 5; sent++) consume({ subjects: { leg: 'L0' } });
    const { totals, categories } = await limiter.usage({ account: 'ameyo5m', ...period });
    expect(totals).toMatchObject({ requests: 10_005, admitted: 10_000, refused: 5 });
    expect(categories.map(({ category }) => category)).toEqual(['legs']);
    expect(await store.read('ameyo5m', period.from, period.to)).toHaveLength(1);
    expect((await store.top({ limit: 10 })).nearest.map(({ account }) => account)).toEqual(['ameyo5m']);
  });
});
