import { perMinute, RateLimiter } from '@tollgate/core';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
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

  it('is not accepted after a day, also while other processes may have used it', async () => {
    const limiter = limiterOn({ client: world.plain });
    const text = String((await limiter.consume(CHARGE)).receipt);
    const now = Date.now();
    const clock = vi.spyOn(Date, 'now').mockReturnValue(now + 86_400_000);
    onTestFinished(() => clock.mockRestore());
    expect(await limiter.settle(text, 5)).toBe(false);
    clock.mockReturnValue(now + 86_300_000);
    expect(await limiter.settle(text, 5)).toBe(true);
  });

  it('leaves a key for longer than it is accepted', async () => {
    const limiter = limiterOn({ client: world.plain });
    const { prefix } = world;
    expect(await limiter.refund(String((await limiter.consume(CHARGE)).receipt))).toBe(true);
    const keys = await world.plain.keys(`${prefix}:v1:{ameyo5m}:!!*`);
    expect(keys).toHaveLength(1);
    const lifeMs = await world.plain.pttl(keys[0]!);
    expect(lifeMs).toBeGreaterThan(89_990_000);
    expect(lifeMs).toBeLessThanOrEqual(90_000_000);
  });
});
