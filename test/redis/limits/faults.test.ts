import { perMinute } from '@tollgate/core';
import { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { freePort, RunningServer } from '../../redis-servers/standalone.js';
import { all, limitOf, limitsWorld, msUntil, warningsOf } from './world.js';

const world = limitsWorld();
beforeEach(() => world.start());

const legs = (limit: number) => ({ categories: { legs: [perMinute(limit)] } });
const storeFailed = { code: 'TOLLGATE_STORE_FAILED' };

describe('limits, when Redis', () => {
  it('is paused: the last loaded limits apply, and a change fails in time with `charged` unknown', async () => {
    const [limits] = await world.instances(1, { url: world.server.url, timeoutMs: 400 });
    await limits!.set('a', legs(1));
    world.server.pause();
    const startedAt = performance.now();
    await expect(limits!.set('a', legs(2))).rejects.toMatchObject({ ...storeFailed, charged: 'unknown' });
    await expect(limits!.get('a')).rejects.toMatchObject(storeFailed);
    await expect(all(limits!)).rejects.toMatchObject(storeFailed);
    expect(performance.now() - startedAt).toBeLessThan(2500);
    await expect
      .poll(() => limits!.state())
      .toMatchObject({ state: 'stale', lastError: expect.stringMatching('400 ms') });
    const { reads } = limits!.state();
    expect(limitOf(limits!, 'a')).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(limits!.state().reads, 'a read waits, and no other is sent').toBe(reads);
    world.server.resume();
    await msUntil(() => limits!.state().state === 'fresh');
    await msUntil(() => limitOf(limits!, 'a') === 2);
    expect(limits!.state().lastError).toBeUndefined();
  });

  it('is killed and restarted: the last loaded limits apply, a change is not made, and processes catch up', async () => {
    await world.server.stop();
    await world.start(['--appendonly', 'yes', '--appendfsync', 'always']);
    const warnings = warningsOf(world);
    const client = world.client();
    const [byUrl] = await world.instances(1, { url: world.server.url, timeoutMs: 300 });
    const [byClient] = await world.instances(1, { client, timeoutMs: 300 });
    await byUrl!.set('a', legs(1));
    await byUrl!.suspend({ by: 'jo' });
    await expect.poll(() => byClient!.suspension?.by).toBe('jo');
    await world.server.kill();
    for (const limits of [byUrl!, byClient!]) {
      const startedAt = performance.now();
      await expect.poll(() => limits.state().state).toBe('stale');
      await expect(limits.set('a', legs(2))).rejects.toMatchObject({ ...storeFailed, charged: 'no' });
      expect(performance.now() - startedAt).toBeLessThan(2000);
      expect(limitOf(limits, 'a')).toBe(1);
      expect(limits.suspension?.by).toBe('jo');
      await expect(limits.ready()).resolves.toBeUndefined();
    }
    await world.server.restart();
    for (const limits of [byUrl!, byClient!])
      await expect.poll(() => limits.state().state, { timeout: 5000 }).toBe('fresh');
    await byUrl!.set('a', legs(3));
    await msUntil(() => limitOf(byClient!, 'a') === 3);
    expect(warnings).not.toContain('TOLLGATE_LIMITS_LOST');
  });

  it('has lost all keys: the last loaded limits apply, with one warning, until others are set', async () => {
    const warnings = warningsOf(world);
    const [limits, other] = await world.instances(2);
    await limits!.set('a', legs(1));
    await limits!.set('b', legs(2));
    await limits!.suspend();
    await expect.poll(() => other!.state().version).toBe(3);
    await world.server.restart();
    for (const one of [limits!, other!]) {
      await expect.poll(() => one.state().state, { timeout: 5000 }).toBe('lost');
      expect(limitOf(one, 'a')).toBe(1);
      expect(one.suspension).toBeDefined();
    }
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(warnings.filter((code) => code === 'TOLLGATE_LIMITS_LOST')).toHaveLength(2);
    expect((await limits!.set('a', legs(7))).version).toBe(1);
    for (const one of [limits!, other!]) {
      await msUntil(() => one.state().state === 'fresh');
      expect(one.state()).toMatchObject({ version: 1, accounts: 1 });
      expect(limitOf(one, 'a')).toBe(7);
      expect(one.suspension).toBeUndefined();
    }
  });

  it('has lost all keys: a suspension that processes still have can be ended', async () => {
    const [limits, other] = await world.instances(2);
    expect(await limits!.delete('a'), 'nothing was ever there').toBe(false);
    await limits!.suspend({ by: 'jo' });
    await expect.poll(() => other!.suspension).toMatchObject({ by: 'jo' });
    await world.redis.flushall();
    await expect.poll(() => other!.state().state, { timeout: 5000 }).toBe('lost');
    expect(await limits!.resume({ by: 'jo' })).toBe(true);
    await expect.poll(() => other!.suspension).toBeUndefined();
    expect(limits!.suspension).toBeUndefined();
    expect(await limits!.resume()).toBe(false);
    expect(await limits!.history()).toMatchObject([{ version: 1, change: 'resumed', by: 'jo' }]);
  });

  it.each([1, 2, 5])('has lost all keys and reaches version %i again: processes notice', async (version) => {
    const client = world.client();
    const [limits] = await world.instances(1, { client });
    const [other] = await world.instances(1);
    await other!.set('a', legs(1));
    await expect.poll(() => limitOf(limits!, 'a')).toBe(1);
    client.disconnect();
    await world.redis.flushall();
    for (let number = 1; number <= version; number++) await other!.set(`b${number}`, legs(number));
    await client.connect();
    await msUntil(() => limitOf(limits!, `b${version}`) === version);
    expect(limits!.state()).toMatchObject({ version, accounts: version });
    expect(limitOf(limits!, 'b1')).toBe(1);
  });

  it('has no limits any more because they were deleted: the state is not `lost`', async () => {
    const warnings = warningsOf(world);
    const [limits] = await world.instances(1);
    await limits!.set('a', legs(1));
    await limits!.delete('a');
    await limits!.ready();
    expect(limits!.state()).toMatchObject({ state: 'fresh', version: 2, accounts: 0 });
    expect(warnings).toEqual([]);
  });

  it('becomes a read-only replica: a change is not made', async () => {
    const [limits] = await world.instances(1);
    await limits!.set('a', legs(1));
    await world.redis.replicaof('127.0.0.1', await freePort());
    await expect(limits!.set('a', legs(2))).rejects.toMatchObject({ ...storeFailed, charged: 'no' });
    await world.redis.replicaof('NO', 'ONE');
    expect((await limits!.set('a', legs(3))).version).toBe(2);
  });

  it('loses the scripts: nothing changes', async () => {
    const [limits, other] = await world.instances(2);
    await world.redis.script('FLUSH');
    await limits!.set('a', legs(1));
    await world.redis.script('FLUSH');
    await msUntil(() => limitOf(other!, 'a') === 1);
    expect(other!.state().state).toBe('fresh');
  });
});

describe('limits, when Redis is not running at the start', () => {
  it('requests wait for at most `timeoutMs`, and the limits load when Redis starts', async () => {
    const port = await freePort();
    const url = `redis://127.0.0.1:${port}`;
    const lazy = new Redis(url, { lazyConnect: true, retryStrategy: () => 50 });
    lazy.on('error', () => {});
    world.endWith(() => lazy.disconnect());
    const startedAt = performance.now();
    const instances = [world.limits({ url, timeoutMs: 300 }), world.limits({ client: lazy, timeoutMs: 300 })];
    const asked = instances.map((limits) => limits.layerOf('a'));
    const many = Array.from({ length: 30 }, () => instances[1]!.get('a').catch(({ charged }) => charged));
    expect(lazy.listenerCount('ready')).toBe(1);
    expect(new Set(await Promise.all(many))).toEqual(new Set(['no']));
    for (const answer of asked) expect(answer).toBeInstanceOf(Promise);
    const notReady = { ...storeFailed, message: expect.stringMatching('300 ms') };
    await Promise.all(instances.map((limits) => expect(limits.ready()).rejects.toMatchObject(notReady)));
    expect(await Promise.all(asked)).toEqual([undefined, undefined]);
    for (const limits of instances) {
      expect(limits.layerOf('a')).toBeUndefined();
      expect(limits.state()).toMatchObject({ state: 'loading', version: 0, accounts: 0 });
      await expect(limits.set('a', legs(1))).rejects.toMatchObject({ ...storeFailed, charged: 'no' });
    }
    expect(performance.now() - startedAt).toBeLessThan(3000);
    const server = await RunningServer.start({ port });
    world.endWith(() => server.stop());
    for (const limits of instances) await expect.poll(() => limits.state().state, { timeout: 5000 }).toBe('fresh');
    await instances[0]!.set('a', legs(1));
    await msUntil(() => limitOf(instances[1]!, 'a') === 1);
    await instances[1]!.close();
    expect(lazy.listenerCount('ready')).toBe(0);
  });

  it('the first request of a process waits for the limits of its account', async () => {
    const [limits] = await world.instances(1);
    await limits!.set('a', legs(7));
    const newcomer = world.limits();
    const layer = newcomer.layerOf('a');
    expect(layer).toBeInstanceOf(Promise);
    expect((await layer)?.categories.get('legs')?.quotas?.[0]?.limit).toBe(7);
    expect(newcomer.layerOf('a')).toBe(await layer);
  });

  it('closing ends the wait', async () => {
    const limits = world.limits({ url: `redis://127.0.0.1:${await freePort()}`, timeoutMs: 60_000 });
    const ready = limits.ready();
    const asked = limits.layerOf('a');
    await limits.close();
    await expect(ready).rejects.toMatchObject({ code: 'TOLLGATE_CLOSED' });
    expect(await asked).toBeUndefined();
  });
});
