import { Redis } from 'ioredis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { RunningServer } from '../../redis-servers/standalone.js';
import { operator, PREFIX, pause, twoInstances, World } from './world.js';

const INDEX = `${PREFIX}:v1:{spoilt}`;
const COUNTER = `${INDEX}:calm`;
const FAR_BASE = 9e12;

/** What befalls the account, and what its key then holds until it is reset. */
const FAULTS: Readonly<Record<string, (redis: Redis) => Promise<unknown>>> = {
  'a counter of another type': (redis) => redis.multi().del(COUNTER).rpush(COUNTER, 'no counter').exec(),
  'a counter whose date is far in the future': async (redis) => {
    const bytes = (await redis.getBuffer(COUNTER))!;
    bytes.writeDoubleLE(FAR_BASE, 9);
    await redis.set(COUNTER, bytes, 'KEEPTTL');
  },
  'an index of another type': (redis) => redis.multi().del(INDEX, COUNTER).set(INDEX, 'no index').exec(),
};

it.each(Object.keys(FAULTS))('affects only its account, is reported once, and healed by a reset: %s', async (fault) => {
  const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  onTestFinished(() => emitted.mockRestore());
  const server = await RunningServer.start();
  const redis = operator(server.port);
  const world = await World.start(twoInstances(() => new Redis(server.url)));
  try {
    const traffics = world.instances.map(({ traffic }) => traffic);
    const calm = (account: string) => traffics.map((traffic) => traffic.ask('calm', account));
    await Promise.all(calm('spoilt'));
    await FAULTS[fault]!(redis);

    for (let turn = 0; turn < 20; turn++) {
      const spoilt = Array.from({ length: 5 }, () => calm('spoilt')).flat();
      const good = ['good', 'better'].flatMap(calm);
      for (const { status, source } of await Promise.all(spoilt)) expect([status, source]).toEqual([200, 'local']);
      for (const { status, source } of await Promise.all(good)) expect([status, source]).toEqual([200, 'store']);
      await pause(10);
    }
    for (const { limiter } of world.instances) expect(limiter.health()).toMatchObject({ state: 'up', shards: [] });
    const codes = emitted.mock.calls.map(([, options]) => (options as unknown as { code: string }).code);
    // One from the store of each instance.
    expect(codes).toEqual(['TOLLGATE_COUNTER_SPOILT', 'TOLLGATE_COUNTER_SPOILT']);
    expect(String(emitted.mock.calls[0]![0])).toMatch(
      /^On Redis, the (counter calm|index) of the account spoilt is spoilt\./,
    );

    for (const { limiter } of world.instances) await limiter.reset({ account: 'spoilt' });
    for (const { source } of await Promise.all(calm('spoilt'))) expect(source).toBe('store');
    expect(await redis.zcard(INDEX)).toBe(1);
    expect(await redis.pttl(COUNTER)).toBeGreaterThan(0);
  } finally {
    await world.close();
    redis.disconnect();
    await server.stop();
  }
});
