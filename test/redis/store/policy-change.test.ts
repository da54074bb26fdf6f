import { perMinute, RateLimiter } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import { expect, it } from 'vitest';
import { describePolicyChange } from '../../contract/policy-change.js';
import { redisWorld } from '../store-world.js';

const world = redisWorld();

describePolicyChange(
  'RedisStore',
  () => {
    const store = world.store({ clock: () => world.clock.nowMs });
    const advance = (ms: number) => {
      world.clock.nowMs += ms;
    };
    return { store, time: { advance }, stop: () => {} };
  },
  { throttles: 'pardon' in RedisStore.prototype, runs: 50 },
);

it('a raised limit admits at once a charge that the deny cache refused', async () => {
  const store = world.store({ client: world.plain });
  const limiter = new RateLimiter({ policy: { quotas: [perMinute(2)] }, store });
  const charge = { account: 'ameyo5m', category: 'legs' };
  for (const cost of [2, 1, 1]) await limiter.consume({ ...charge, cost });
  expect(store.stats().denyCacheHits).toBe(1);
  limiter.setPolicy({ quotas: [perMinute(3)] });
  expect(await limiter.consume(charge)).toMatchObject({ allowed: true, tightest: { used: 3, limit: 3 } });
  limiter.setPolicy({ quotas: [perMinute(2)] });
  expect(await limiter.consume(charge)).toMatchObject({ allowed: false, tightest: { used: 3, limit: 2 } });
  await limiter.close();
});
