import { perMinute, RateLimiter } from '@tollgate/core';
import { expect, it } from 'vitest';
import { redisWorld } from '../store-world.js';

const world = redisWorld();
const charge = { account: 'ameyo5m', category: 'legs' };

it('a candidate decides in the same call of the script as the policy, and delays no refusal', async () => {
  const store = world.store({ client: world.plain });
  const limiter = new RateLimiter({
    policy: { quotas: [perMinute(2)], total: [perMinute(9)] },
    candidate: { quotas: [perMinute(3)], total: [perMinute(9)] },
    store,
  });
  for (const allowed of [true, true, false]) {
    const { calls, operations } = store.stats();
    expect((await limiter.consume(charge)).allowed).toBe(allowed);
    expect(store.stats()).toMatchObject({ calls: calls + 1, operations: operations + 2 });
  }
  // The deny cache refuses it, while the candidate asks Redis.
  const { calls } = store.stats();
  expect(limiter.consume(charge)).toMatchObject({ allowed: false });
  expect(store.stats().calls).toBe(calls);
  await expect
    .poll(() => limiter.stats().candidate)
    .toEqual({
      bothAllow: 2,
      bothRefuse: 1,
      onlyCandidateRefuses: 0,
      onlyCandidateAllows: 1,
      undecided: 0,
    });
  expect(store.stats().calls).toBe(calls + 1);
  // It has counters of its own, with an expiry, and a reset deletes them.
  const keys = await world.keys();
  expect(keys.filter((key) => key.includes('}:*/')).map((key) => key.slice(key.indexOf('}:') + 2))).toEqual([
    '*/*',
    '*/legs',
  ]);
  for (const key of keys) expect(await world.plain.pttl(key)).toBeGreaterThan(0);
  await limiter.reset({ account: 'ameyo5m' });
  expect(await world.keys()).toEqual([]);
  await limiter.close();
});

it('a refund and a pardon reach the candidate’s counters as well', async () => {
  const store = world.store({ client: world.plain });
  const throttle = { afterViolations: 1, withinMs: 60_000, forMs: 60_000, factor: 0 };
  const limiter = new RateLimiter({
    policy: { quotas: [perMinute(9)] },
    candidate: { quotas: [perMinute(1)], throttle },
    store,
  });
  const candidates = [{ name: '*/legs', quotas: [perMinute(1)] }];
  const { receipt } = await limiter.consume(charge);
  await limiter.refund(receipt!);
  await expect.poll(async () => (await store.peek('ameyo5m', candidates, 1)).used).toEqual([0]);
  for (let sent = 0; sent < 2; sent++) await limiter.consume(charge);
  await expect.poll(() => world.keys()).toContainEqual(expect.stringContaining(':!*/legs'));
  await limiter.pardon(charge);
  expect(await world.keys()).not.toContainEqual(expect.stringContaining(':!*/legs'));
  await limiter.close();
});
