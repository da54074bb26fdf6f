import { defineAccountLayer, perMinute, perSecond, Quota } from '@tollgate/core';
import type { ChangeOptions } from '@tollgate/redis';
import { Redis as Redis5 } from 'ioredis5';
import { beforeEach, describe, expect, it } from 'vitest';
import { HOSTILE_NAMES } from '../../contract/store/traces.js';
import { all, limitOf, limitsWorld } from './world.js';

const world = limitsWorld();
beforeEach(() => world.start());

const legs = (limit: number) => ({ categories: { legs: [perMinute(limit)] } });

describe('limits on Redis', () => {
  it('are set, read, replaced and deleted, and every change is counted and reported', async () => {
    const [limits] = await world.instances(1);
    const from = Date.now();
    const first = await limits!.set('ameyo5m', legs(6000), { by: 'jo' });
    expect(first).toMatchObject({ account: 'ameyo5m', version: 1, by: 'jo' });
    expect(first.layer).toEqual({
      categories: { legs: [{ limit: 6000, windowMs: 60_000, name: 'per-minute', slices: 128 }] },
    });
    expect(first.at).toBeGreaterThan(from - 60_000);
    expect(await limits!.get('ameyo5m')).toEqual(first);
    expect(await limits!.get('acme')).toBeUndefined();
    expect(limitOf(limits!, 'ameyo5m')).toBe(6000);

    const second = await limits!.set('ameyo5m', legs(7000));
    const third = await limits!.set('acme', { quotas: 'unlimited' }, { by: 'li' });
    expect([second.version, third.version]).toEqual([2, 3]);
    expect(await all(limits!)).toEqual([third, second]);
    expect(await limits!.delete('ameyo5m', { by: 'li' })).toBe(true);
    expect(await limits!.delete('ameyo5m')).toBe(false);
    expect(limits!.layerOf('ameyo5m')).toBeUndefined();

    expect(await limits!.history()).toMatchObject([
      { version: 4, change: 'deleted', account: 'ameyo5m', by: 'li' },
      { version: 3, change: 'set', account: 'acme', layer: { quotas: 'unlimited' } },
      { version: 2, change: 'set', account: 'ameyo5m' },
      { version: 1, change: 'set', account: 'ameyo5m', layer: first.layer, by: 'jo', at: first.at },
    ]);
    expect((await limits!.history({ account: 'ameyo5m', last: 2 })).map(({ version }) => version)).toEqual([4, 2]);
    expect(limits!.state()).toMatchObject({ state: 'fresh', version: 4, accounts: 1 });
  });

  it('keep everything that a layer can have', async () => {
    const [limits, other] = await world.instances(2);
    const layer = {
      quotas: 'unlimited' as const,
      mode: 'observe' as const,
      throttle: {
        afterViolations: 10,
        withinMs: 60_000,
        forMs: 300_000,
        factor: 0.5,
        escalate: { factor: 2, maxMs: 900_000 },
      },
      total: [perMinute(300, { name: 'all' }), new Quota({ limit: 5, windowMs: 250, slices: 7 })],
      categories: {
        legs: [perSecond(20), perMinute(100)],
        events: 'unlimited' as const,
        actions: { quotas: [perMinute(1)], throttle: false as const, mode: 'enforce' as const },
      },
      each: {
        leg: [perSecond(5)],
        key: {
          quotas: [perMinute(60)],
          blocked: { k7: true as const, k8: { until: '2026-12-31T18:00:00+05:30' }, k9: { until: 4_000_000_000_000 } },
        },
        line: { blocked: ['__proto__', 'a\0b'] },
      },
      blocked: { until: '2026-12-31T18:00:00Z' },
    };
    await limits!.set('ameyo5m', layer);
    await expect.poll(() => other!.layerOf('ameyo5m')).toBeDefined();
    expect(await other!.layerOf('ameyo5m')).toEqual(defineAccountLayer(layer, 'limits.ameyo5m'));
  });

  it('are changed only at the version of `ifVersion`', async () => {
    const [limits, other] = await world.instances(2);
    const { version } = await limits!.set('ameyo5m', legs(1), { ifVersion: 0 });
    const conflict = { name: 'Error', code: 'TOLLGATE_LIMITS_CONFLICT', version };
    await expect(other!.set('ameyo5m', legs(2), { ifVersion: 0 })).rejects.toMatchObject(conflict);
    await expect(other!.delete('ameyo5m', { ifVersion: version + 1 })).rejects.toMatchObject(conflict);
    await expect(other!.set('acme', legs(2), { ifVersion: 1 })).rejects.toMatchObject({ ...conflict, version: 0 });
    const race = [limits!, other!].map((one, index) => one.set('ameyo5m', legs(10 + index), { ifVersion: version }));
    const outcomes = await Promise.allSettled(race);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await limits!.history()).length).toBe(2);
    expect(await other!.delete('ameyo5m', { ifVersion: version + 1 })).toBe(true);
  });

  it.each([
    ['', {}, {}, 'TOLLGATE_OPTION_RANGE', 'account'],
    [7, {}, {}, 'TOLLGATE_OPTION_TYPE', 'account'],
    ['x'.repeat(1025), {}, {}, 'TOLLGATE_OPTION_RANGE', 'account'],
    ['a', { quotas: [] }, {}, 'TOLLGATE_OPTION_RANGE', 'limits.a.quotas'],
    ['a', { categories: { legs: [{ limit: 1 }] } }, {}, 'TOLLGATE_OPTION_TYPE', 'limits.a.categories.legs[0].windowMs'],
    ['a', { plans: {} }, {}, 'TOLLGATE_OPTION_UNKNOWN', 'limits.a.plans'],
    [
      'a',
      { categories: Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`category-${n}`, 'unlimited'])) },
      {},
      'TOLLGATE_OPTION_RANGE',
      'limits.a',
    ],
    ['a', {}, { by: '' }, 'TOLLGATE_OPTION_RANGE', 'by'],
    ['a', {}, { by: 'x'.repeat(257) }, 'TOLLGATE_OPTION_RANGE', 'by'],
    ['a', {}, { ifVersion: -1 }, 'TOLLGATE_OPTION_RANGE', 'ifVersion'],
    ['a', {}, { version: 1 }, 'TOLLGATE_OPTION_UNKNOWN', 'change.version'],
  ])('refuse what makes no sense, by name: %#', async (account, layer, options, code, option) => {
    const [limits] = await world.instances(1);
    await expect(limits!.set(account as never, layer as never, options as ChangeOptions)).rejects.toMatchObject({
      code,
      option,
    });
    expect(await world.redis.keys('*')).toEqual([]);
  });

  it('belong to exactly their account, whatever its name and the names of its categories', async () => {
    const [limits, other] = await world.instances(2);
    const layerOf = (limit: number, name: string) => ({ categories: Object.fromEntries([[name, [perMinute(limit)]]]) });
    for (const [index, name] of HOSTILE_NAMES.entries()) {
      await limits!.set(name, layerOf(index + 1, name), { by: name.slice(0, 256) });
    }
    await expect.poll(() => other!.state().version).toBe(HOSTILE_NAMES.length);
    const [late] = await world.instances(1);
    for (const [index, name] of HOSTILE_NAMES.entries()) {
      for (const instance of [limits!, other!, late!]) expect(limitOf(instance, name, name)).toBe(index + 1);
      expect(await other!.get(name)).toMatchObject({ account: name, version: index + 1, by: name.slice(0, 256) });
      expect(await other!.history({ account: name })).toMatchObject([{ account: name }]);
    }
    expect((await all(limits!)).map(({ account }) => account)).toEqual([...HOSTILE_NAMES].sort());
    for (const name of HOSTILE_NAMES) expect(await other!.delete(name)).toBe(true);
    expect(await world.redis.hkeys('tollgate:limits:{v1}')).toEqual(['!version']);
    await expect.poll(() => late!.state()).toMatchObject({ state: 'fresh', accounts: 0 });
  });

  it('stay the same object while they are equal', async () => {
    const [limits, other] = await world.instances(2);
    await limits!.set('a', legs(1));
    await expect.poll(() => other!.state().version).toBe(1);
    const layer = other!.layerOf('a');
    await limits!.set('b', legs(1));
    await limits!.set('a', legs(1));
    await expect.poll(() => other!.state().version).toBe(3);
    expect(other!.layerOf('a')).toBe(layer);
    // Without the log, everything is read again.
    await world.redis.del('tollgate:limits:{v1}:log');
    await limits!.set('c', legs(1));
    await expect.poll(() => other!.state().version).toBe(4);
    expect(other!.layerOf('a')).toBe(layer);
  });

  it('report each changed account, and a listener that fails affects nothing', async () => {
    const [limits, other] = await world.instances(2);
    const heard: string[] = [];
    other!.onChange(() => {
      throw new Error('listener');
    });
    const stop = other!.onChange((accounts) => heard.push(...accounts));
    await limits!.set('a', legs(1));
    await expect.poll(() => heard).toEqual(['a']);
    await limits!.set('a', legs(1));
    await limits!.delete('a');
    await expect.poll(() => heard).toEqual(['a', 'a']);
    stop();
    await limits!.set('a', legs(1));
    await expect.poll(() => other!.state().version).toBe(4);
    expect(heard).toEqual(['a', 'a']);
  });

  it('work with a client of either version of ioredis and any key prefix', async () => {
    const five = new Redis5(world.server.url, { keyPrefix: 'app:' });
    world.endWith(() => five.disconnect());
    const [here] = await world.instances(1, { client: five });
    const [there] = await world.instances(1, { client: world.client({ keyPrefix: 'app:', stringNumbers: true }) });
    const [apart] = await world.instances(1);
    await here!.set('a', legs(1));
    await expect.poll(() => limitOf(there!, 'a')).toBe(1);
    await there!.set('a', legs(2));
    await expect.poll(() => limitOf(here!, 'a')).toBe(2);
    expect((await world.redis.keys('*')).sort()).toEqual(['app:tollgate:limits:{v1}', 'app:tollgate:limits:{v1}:log']);
    expect(apart!.state().version).toBe(0);
    expect(await world.redis.pubsub('CHANNELS')).toEqual(
      expect.arrayContaining(['app:tollgate:limits:v1', 'tollgate:limits:v1']),
    );
  });

  it('after close only the last loaded limits can be read', async () => {
    const [limits] = await world.instances(1);
    await limits!.set('a', legs(1));
    await limits!.close();
    await limits!.close();
    const closed = { code: 'TOLLGATE_CLOSED' };
    await expect(limits!.set('a', legs(2))).rejects.toMatchObject(closed);
    await expect(limits!.get('a')).rejects.toMatchObject(closed);
    await expect(limits!.history()).rejects.toMatchObject(closed);
    await expect(limits!.ready()).rejects.toMatchObject(closed);
    await expect(all(limits!)).rejects.toMatchObject(closed);
    expect(limitOf(limits!, 'a')).toBe(1);
    const others = async () => String(await world.redis.client('LIST')).match(/^id=/gm)!.length - 1;
    await expect.poll(others).toBe(0);
  });
});
