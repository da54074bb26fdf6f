import { perMinute, type ThrottleOptions } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import type { StoreUnderTest } from '../store/player.js';
import { ChangingLimiter } from './changing-limiter.js';

/** Violations and throttlings survive a change of the limits that caused them. */
export function describeThrottlingChange(makeStore: () => StoreUnderTest): void {
  const throttle: ThrottleOptions = { afterViolations: 2, withinMs: 60_000, forMs: 300_000, factor: 0.5 };

  describe('violations and throttling', () => {
    it('survive a change of the limits', () =>
      ChangingLimiter.use(makeStore, { quotas: [perMinute(2)], throttle }, async (changing) => {
        await changing.charge(2);
        expect(await changing.charge()).toMatchObject({ allowed: false, beganThrottling: false });
        changing.limiter.setPolicy({ quotas: [perMinute(4)], throttle });
        const second = await changing.charge(4);
        expect(second).toMatchObject({ allowed: false, beganThrottling: true, throttled: { endsAfterMs: 300_000 } });
        expect(second.tightest).toMatchObject({ limit: 2, used: 2 });
        changing.limiter.setPolicy({ quotas: [perMinute(10)], throttle });
        await changing.moveTo(100_000);
        const throttled = await changing.charge(5);
        expect(throttled).toMatchObject({ allowed: true, throttled: { endsAfterMs: 200_000, factor: 0.5 } });
        expect(throttled.tightest).toMatchObject({ limit: 5, used: 5 });
        await changing.moveTo(300_000);
        const ended = await changing.charge(10);
        expect(ended).toMatchObject({ allowed: true, throttled: undefined });
        expect(ended.tightest).toMatchObject({ limit: 10, used: 10 });
      }));

    it('are not shown while the policy has no throttle, and continue when it has one again', () =>
      ChangingLimiter.use(makeStore, { quotas: [perMinute(2)], throttle }, async (changing) => {
        for (const cost of [2, 1, 1]) await changing.charge(cost);
        changing.limiter.setPolicy({ quotas: [perMinute(2)] });
        await changing.moveTo(60_000);
        expect(await changing.charge(2)).toMatchObject({ allowed: true, throttled: undefined });
        changing.limiter.setPolicy({ quotas: [perMinute(2)], throttle: { ...throttle, factor: 0 } });
        await changing.moveTo(120_000);
        const blocked = await changing.charge();
        expect(blocked).toMatchObject({ allowed: false, reason: 'throttled', retryAfterMs: 180_000 });
        expect(blocked.throttled).toEqual({ endsAfterMs: 180_000, factor: 0, scope: 'category' });
      }));
  });
}
