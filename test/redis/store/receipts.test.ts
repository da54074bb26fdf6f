import { perMinute, RateLimiter } from '@tollgate/core';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { redisWorld } from '../store-world.js';

const CHARGE = { account: 'ameyo5m', category: 'legs' };
const world = redisWorld();

function limiterOn(options: Parameters<typeof world.store>[0]) {
  return new RateLimiter({ policy: { quotas: [perMinute(9)] }, store: world.store(options) });
}

describe('the text of a receipt', () => {
  it('works once in all processes on the same keys, whose stores have clients of their own', async () => {
    const client = new Redis(world.url);
    const one = limiterOn({ client: world.plain });
    const { prefix } = world;
    const other = limiterOn({ client, prefix });
    const { receipt } = await one.consume({ ...CHARGE, cost: 5 });
    const text = String(receipt);
    const uses = await Promise.all([one, other].flatMap((limiter) => [1, 2, 3].map(() => limiter.settle(text, 2))));
    expect(uses.filter(Boolean)).toHaveLength(1);
    expect((await other.peek(CHARGE)).tightest?.used).toBe(2);
    expect(await one.refund(receipt!)).toBe(false);
    client.disconnect();
  });

  it('is refused by a store with another prefix', async () => {
    const text = String((await limiterOn({ client: world.plain }).consume(CHARGE)).receipt);
    expect(() => limiterOn({ client: world.plain }).refund(text)).toThrow(
      expect.objectContaining({ code: 'TOLLGATE_OPTION_TYPE' }),
    );
  });

  it('leaves a key for a day, since a higher cost can be settled at any time', async () => {
    const limiter = limiterOn({ client: world.plain });
    const { prefix } = world;
    expect(await limiter.refund(String((await limiter.consume(CHARGE)).receipt))).toBe(true);
    const keys = await world.plain.keys(`${prefix}:v1:{ameyo5m}:!!*`);
    expect(keys).toHaveLength(1);
    const lifeMs = await world.plain.pttl(keys[0]!);
    expect(lifeMs).toBeGreaterThan(86_390_000);
    expect(lifeMs).toBeLessThanOrEqual(86_400_000);
  });
});
