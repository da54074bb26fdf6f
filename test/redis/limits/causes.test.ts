import { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { freePort, until } from '../../redis-servers/standalone.js';
import { hearWarnings } from '../../warnings.js';
import { limitsWorld } from './world.js';

const world = limitsWorld();
beforeEach(() => world.start());

const quick = { refreshMs: 50, timeoutMs: 200 };

describe('limits that cannot be followed are reported once, with the cause', () => {
  it.each([
    ['a wrong port', async () => `redis://127.0.0.1:${await freePort()}`, /ECONNREFUSED/],
    [
      'a wrong password',
      async () => {
        await world.redis.call('CONFIG', 'SET', 'requirepass', 'sesame');
        return world.server.url.replace('//', '//:simsim@');
      },
      /WRONGPASS/,
    ],
    [
      'missing rights',
      async () => {
        await world.redis.call('ACL', 'SETUSER', 'someone', 'reset', 'on', '>secret', '~other:*', '+@all', '&*');
        return world.server.url.replace('//', '//someone:secret@');
      },
      /NOPERM/,
    ],
    ['a missing database', async () => `${world.server.url}/99`, /DB index is out of range/],
  ] as const)('after %s', async (_, prepare, cause) => {
    const seen = hearWarnings();
    const limits = world.limits({ url: await prepare(), ...quick });
    const error = await limits.ready().catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'TOLLGATE_STORE_FAILED' });
    expect(String(error.cause)).toMatch(cause);
    await until('the warning', () => seen.length > 0);
    expect(seen[0]).toMatch(/^TOLLGATE_LIMITS_STALE The limits on Redis \(tollgate\) cannot be followed: /);
    expect(seen[0]).toMatch(cause);
    expect(seen[0]).toMatch(/The policy alone applies until they can$/);
    expect(limits.state().lastError).toMatch(cause);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(seen).toHaveLength(1);
  });

  it('and so is that they are followed again', async () => {
    const seen = hearWarnings();
    const limits = world.limits({ url: world.server.url, ...quick });
    await limits.ready();
    await world.server.kill();
    await until('the warning', () => seen.length > 0);
    expect(seen[0]).toMatch(
      /^TOLLGATE_LIMITS_STALE .* ECONNREFUSED .*The last ones that were read apply until they can$/,
    );
    await world.server.restart();
    await until('the second warning', () => seen.length > 1);
    expect(seen[1]).toMatch(/^TOLLGATE_LIMITS_FRESH /);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(seen).toHaveLength(2);
  });

  it('but neither a stall of the process nor a broken connection is', async () => {
    const seen = hearWarnings();
    const limits = world.limits({ url: world.server.url, ...quick });
    const startedAt = performance.now();
    while (performance.now() < startedAt + 600);
    await limits.ready();
    for (let times = 0; times < 3; times++) {
      await world.redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await until('the copy to be fresh', () => limits.state().state === 'fresh');
    }
    expect(seen).toEqual([]);
  });

  it('and no listener is left on the client', async () => {
    const client = new Redis(world.server.url);
    world.endWith(() => client.disconnect());
    await client.ping();
    const listeners = () => client.eventNames().map((event) => [event, client.listenerCount(event)]);
    const before = listeners();
    const limits = world.limits({ client });
    await limits.ready();
    await limits.close();
    expect(listeners()).toEqual(before);
  });
});
