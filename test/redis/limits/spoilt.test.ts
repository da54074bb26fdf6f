import { perMinute } from '@tollgate/core';
import type { ChainableCommander } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { all, limitOf, limitsWorld, msUntil } from './world.js';

const world = limitsWorld();
beforeEach(() => world.start());

const KEY = 'tollgate:limits:{v1}';
const legs = (limit: number) => ({ categories: { legs: [perMinute(limit)] } });
const text = (account: unknown, layer: unknown, more = {}) =>
  JSON.stringify({ version: 1, at: 1, account, layer, ...more });

describe('invalid data on Redis', () => {
  it('is left out, reported in the state, and replaced by the next change', async () => {
    const [limits] = await world.instances(1);
    await limits!.set('fine', legs(1));
    const deep = `${'{"categories":'.repeat(4000)}{}${'}'.repeat(4000)}`;
    const spoilt: Record<string, string> = {
      text: 'x',
      number: '7',
      nothing: 'null',
      list: '[]',
      other: text('another', legs(1)),
      noLayer: text('noLayer', undefined),
      listLayer: text('listLayer', []),
      textVersion: text('textVersion', legs(1), { version: '1' }),
      later: text('later', { ...legs(1), burstiness: 3 }),
      endless: '{"version":1,"at":1,"account":"endless","layer":{"quotas":[{"limit":1e999,"windowMs":1000}]}}',
      proto: '{"version":1,"at":1,"account":"proto","layer":{"__proto__":{"quotas":"unlimited"}}}',
      deep: `{"version":1,"at":1,"account":"deep","layer":${deep}}`,
      long: text('long', { categories: { ['x'.repeat(200_000)]: 'unlimited' } }),
      empty: '',
    };
    await world.redis.hset(KEY, spoilt);
    const [newcomer] = await world.instances(1);
    expect(newcomer!.state()).toMatchObject({ state: 'fresh', accounts: 1, lastError: expect.any(String) });
    expect(limitOf(newcomer!, 'fine')).toBe(1);
    for (const account of Object.keys(spoilt)) expect(newcomer!.layerOf(account)).toBeUndefined();
    expect(({} as { quotas?: unknown }).quotas).toBeUndefined();
    const readable = ['deep', 'endless', 'fine', 'later', 'proto'];
    expect((await all(newcomer!)).map(({ account }) => account)).toEqual(readable);
    await expect(newcomer!.get('text')).rejects.toMatchObject({ code: 'TOLLGATE_STORE_FAILED', concerns: 'account' });

    await expect(limits!.set('text', legs(1), { ifVersion: 0 })).rejects.toMatchObject({ version: -1 });
    for (const account of Object.keys(spoilt)) await limits!.set(account, legs(5));
    await msUntil(() => newcomer!.state().lastError === undefined);
    for (const account of Object.keys(spoilt)) expect(limitOf(newcomer!, account)).toBe(5);
  });

  it('leaves the last loaded limits of its account in force', async () => {
    const [limits, other] = await world.instances(2);
    for (const account of ['later', 'junk', 'gone']) await limits!.set(account, legs(3));
    await expect.poll(() => other!.state().version).toBe(3);
    await world.redis.hset(KEY, { later: text('later', { ...legs(9), burstiness: 3 }), junk: 'junk' });
    await world.redis.hdel(KEY, 'gone');
    // As a later version might log it.
    await world.redis.lpush(`${KEY}:log`, '{"version":4,"token":"aa","at":1,"change":"moved"}');
    await world.redis.hset(KEY, '!version', '4 aa');
    await msUntil(() => other!.state().version === 4);
    expect(limitOf(other!, 'later')).toBe(3);
    expect(limitOf(other!, 'junk')).toBe(3);
    expect(other!.layerOf('gone')).toBeUndefined();
    expect(other!.state()).toMatchObject({ state: 'fresh', accounts: 2, lastError: expect.any(String) });
  });

  it.each([
    ['the limits are of another type', (all: ChainableCommander) => all.set(KEY, 'x')],
    ['the version is not a number', (all: ChainableCommander) => all.hset(KEY, '!version', 'x')],
    ['the version is endless', (all: ChainableCommander) => all.hset(KEY, '!version', '99999999999999999999 aa')],
  ])('is not taken over where %s, and the last known limits hold', async (_, spoil) => {
    const [limits] = await world.instances(1);
    await limits!.set('a', legs(1));
    // In one step: a read in between would find that the limits are lost.
    await spoil(world.redis.multi().del(KEY)).exec();
    await msUntil(() => limits!.state().state === 'stale');
    expect(limits!.state().lastError).toEqual(expect.any(String));
    expect(limitOf(limits!, 'a')).toBe(1);
  });

  it('a log of another type makes a change fail as a whole', async () => {
    const [limits] = await world.instances(1);
    await world.redis.set(`${KEY}:log`, 'x');
    await expect(limits!.set('a', legs(1))).rejects.toMatchObject({ code: 'TOLLGATE_STORE_FAILED', charged: 'no' });
    expect(await world.redis.exists(KEY)).toBe(0);
  });
});
