import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { RunningServer } from '../../redis-servers/standalone.js';
import { operator, PREFIX, pause, twoInstances, World } from './world.js';

it('a key of another type affects only its account: WRONGTYPE', async () => {
  const server = await RunningServer.start();
  const redis = operator(server.port);
  const world = await World.start(twoInstances(() => new Redis(server.url)));
  try {
    const traffics = world.instances.map(({ traffic }) => traffic);
    const calm = (account: string) => traffics.map((traffic) => traffic.ask('calm', account));
    await Promise.all(calm('spoilt'));
    const [counter] = await redis.keys(`${PREFIX}:v1:{spoilt}:*`);
    await redis.del(counter!);
    await redis.rpush(counter!, 'no counter');

    for (let turn = 0; turn < 20; turn++) {
      const spoilt = Array.from({ length: 10 }, () => calm('spoilt')).flat();
      for (const { status, source } of await Promise.all(spoilt)) expect([status, source]).toEqual([200, 'local']);
      for (const { status, source } of await Promise.all(calm('other')))
        expect([status, source]).toEqual([200, 'store']);
      await pause(10);
    }
    for (const { limiter } of world.instances) expect(limiter.health()).toMatchObject({ state: 'up', shards: [] });
    expect(await redis.lrange(counter!, 0, -1)).toEqual(['no counter']);

    await redis.del(counter!);
    await pause(200);
    for (const { source } of await Promise.all(calm('spoilt'))) expect(source).toBe('store');
  } finally {
    await world.close();
    redis.disconnect();
    await server.stop();
  }
});
