import { type Decision, perMinute, RateLimiter } from '@tollgate/core';
import { type RedisLimits, RedisStore } from '@tollgate/redis';
import { Cluster } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { ask } from '../../redis-servers/ask.js';
import { type RunningCluster, startCluster } from '../../redis-servers/cluster.js';
import { limitOf, limitsWorld, msUntil, warningsOf } from './world.js';

const world = limitsWorld();
const policy = { quotas: [perMinute(1)] };
const charge = { account: 'ameyo5m', category: 'legs' };
const legs = (limit: number) => ({ categories: { legs: [perMinute(limit)] } });

/** One process of a service: a limiter with a store and limits, all on the world's server. */
function service(): { limiter: RateLimiter; limits: RedisLimits } {
  const limits = world.limits();
  const store = new RedisStore({ url: world.server.url });
  const limiter = new RateLimiter({ policy, store, accounts: limits });
  world.endWith(async () => {
    await limiter.close();
    await store.close();
  });
  return { limiter, limits };
}

/** The number of charges that are admitted before the first refusal. */
async function admitted(limiter: RateLimiter, atMost = 20): Promise<number> {
  for (let count = 0; count < atMost; count++) {
    const { allowed, source } = await limiter.consume(charge);
    expect(source).toBe('store');
    if (!allowed) return count;
  }
  return atMost;
}

describe('a limiter with limits on Redis', () => {
  beforeEach(() => world.start());

  it('applies limits that are set while it runs, in every process, until they are deleted', async () => {
    const [here, there] = [service(), service()];
    await Promise.all([here.limits.ready(), there.limits.ready()]);
    expect(await admitted(there.limiter)).toBe(1);
    await here.limits.set('ameyo5m', legs(5), { by: 'jo' });
    await msUntil(() => limitOf(there.limits, 'ameyo5m') === 5, 1000);
    expect(await admitted(there.limiter)).toBe(4);
    expect(await admitted(here.limiter)).toBe(0);
    await here.limits.set('ameyo5m', legs(8));
    expect(await admitted(here.limiter)).toBe(3);
    expect((await here.limiter.peek({ account: 'acme', category: 'legs' })).tightest?.limit).toBe(1);
    await here.limits.delete('ameyo5m');
    await msUntil(() => there.limits.layerOf('ameyo5m') === undefined, 1000);
    expect((await there.limiter.peek(charge)).tightest?.limit).toBe(1);
  });

  it('is suspended and resumed with the whole fleet', async () => {
    const warnings = warningsOf(world);
    const [here, there] = [service(), service()];
    await Promise.all([here.limits.ready(), there.limits.ready()]);
    const received: unknown[] = [];
    there.limiter.on('suspension', (suspension) => received.push(suspension));
    expect(await admitted(there.limiter)).toBe(1);
    const suspension = await here.limits.suspend({ by: 'jo', reason: 'wrong limits' });
    expect(suspension).toEqual({ since: expect.any(Number), by: 'jo', reason: 'wrong limits' });
    await msUntil(() => there.limiter.health().suspended !== undefined, 1000);
    expect(there.limiter.health().suspended).toEqual(suspension);
    for (const { limiter } of [here, there]) {
      const decision: Decision = await limiter.consume(charge);
      expect(decision).toMatchObject({ allowed: true, reason: 'suspended' });
    }
    // So is a process that starts meanwhile.
    const late = service();
    await late.limits.ready();
    expect(late.limiter.health().suspended).toEqual(suspension);

    expect(await there.limits.resume({ by: 'li' })).toBe(true);
    expect(await there.limits.resume()).toBe(false);
    await msUntil(() => here.limiter.health().suspended === undefined, 1000);
    expect(await admitted(here.limiter)).toBe(0);
    expect(received).toEqual([suspension, undefined]);
    expect(await here.limits.history()).toEqual([
      { version: 2, change: 'resumed', by: 'li', at: expect.any(Number) },
      { version: 1, change: 'suspended', by: 'jo', reason: 'wrong limits', at: suspension.since },
    ]);
    expect(warnings).toContain('TOLLGATE_SUSPENDED');
  });

  it('does not wait while Redis is paused, and applies the last loaded limits', async () => {
    const { limiter, limits } = service();
    await limits.ready();
    await limits.set('ameyo5m', legs(3));
    world.server.pause();
    const decisions: Decision[] = [];
    for (let count = 0; count < 4; count++) decisions.push(await limiter.consume(charge));
    expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, true, false]);
    expect(decisions[3]!.source).toBe('local');
    world.server.resume();
  });
});

describe('on a Cluster, limits', () => {
  it('are set through one node and followed through others, also when their master has crashed', async () => {
    const cluster: RunningCluster = await startCluster();
    world.endWith(() => cluster.stop());
    const connect = (options = {}) => {
      const client = new Cluster([...cluster.startupNodes], options);
      client.on('error', () => {});
      world.endWith(() => client.disconnect());
      return client;
    };
    const [writer] = await world.instances(1, { client: connect() });
    const [reader] = await world.instances(1, { client: connect(), refreshMs: 60_000 });
    const [prefixed] = await world.instances(1, { client: connect({ keyPrefix: 'app:' }) });
    // The subscription reconnects with a delay.
    await expect
      .poll(async () => {
        await writer!.set('ameyo5m', legs(1));
        return limitOf(reader!, 'ameyo5m');
      })
      .toBe(1);
    for (let limit = 2; limit < 6; limit++) {
      await writer!.set('ameyo5m', legs(limit));
      await msUntil(() => limitOf(reader!, 'ameyo5m') === limit, 1000);
    }
    await prefixed!.set('acme', legs(1));
    expect(reader!.layerOf('acme')).toBeUndefined();

    const slot = Number(await ask(cluster.nodes[0]!.port, 'CLUSTER', 'KEYSLOT', 'tollgate:limits:{v1}'));
    const master = await cluster.masterOf(slot);
    await master.kill();
    expect(limitOf(reader!, 'ameyo5m')).toBe(5);
    await expect
      .poll(() => writer!.set('ameyo5m', legs(9)).then(() => limitOf(prefixed!, 'acme')), { timeout: 15_000 })
      .toBe(1);
    await msUntil(() => limitOf(writer!, 'ameyo5m') === 9);
    const [newcomer] = await world.instances(1, { client: connect(), timeoutMs: 10_000 });
    expect(limitOf(newcomer!, 'ameyo5m')).toBe(9);
  }, 60_000);
});
