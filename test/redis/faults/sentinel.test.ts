import { RedisStore } from '@tollgate/redis';
import { Redis, type RedisOptions } from 'ioredis';
import { expect, it } from 'vitest';
import { startSentinel } from '../../redis-servers/sentinel.js';
import { until } from '../../redis-servers/standalone.js';
import { keysWithoutExpiry, operator, quiet, report, twoInstances, World } from './world.js';

it('under traffic, Sentinel makes another server the master', { timeout: 60_000 }, async () => {
  const sentinel = await startSentinel();
  const { sentinels, name } = sentinel;
  let world: World | undefined;
  try {
    await expectReady({ sentinels: [...sentinels], name });
    await expect(expectReady({ sentinels: [...sentinels], name: 'nobody' })).rejects.toMatchObject({
      code: 'TOLLGATE_STORE_FAILED',
      message: expect.stringMatching(/sentinel/i),
    });
    world = await World.start(twoInstances(() => new Redis({ sentinels: [...sentinels], name })));
    const dead = await sentinel.masterPort();
    const fault = {
      befall: () => sentinel.killMaster(),
      end: () => until('another master', async () => (await sentinel.masterPort()) !== dead),
    };
    // The replica may have missed the last charges.
    const seen = await world.through(fault, { outage: true, forgets: true });
    const redis = operator(await sentinel.masterPort());
    expect(await keysWithoutExpiry(redis)).toEqual([]);
    redis.disconnect();
    report(expect.getState().currentTestName!, seen);
  } finally {
    await world?.close();
    await sentinel.stop();
  }
});

async function expectReady(options: Omit<RedisOptions, 'replyMapping'>): Promise<void> {
  const client = quiet(new Redis(options));
  const store = new RedisStore({ client });
  try {
    await store.ready({ timeoutMs: 2000 });
  } finally {
    await store.close();
    client.disconnect();
  }
}
