import { type Decision, type PolicyOptions, perMinute, perSecond, RateLimiter } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsFor } from '../../effort.js';
import { failingWorld, fakeTime } from '../failing-world.js';
import { liveWorld } from '../live-limiter.js';

const throttle = { afterViolations: 3, withinMs: 10_000, forMs: 20_000, factor: 0.5 };

describe('observed limits', () => {
  it('decide and count exactly like enforced ones, and refuse nobody', () => {
    const policy: PolicyOptions = { quotas: [perMinute(4), perSecond(2)], total: [perMinute(6)], throttle };
    const step = fc.record({
      account: fc.constantFrom('a', 'b'),
      category: fc.constantFrom('legs', 'actions'),
      cost: fc.constantFrom(0, 1, 1, 2, 5),
      waitMs: fc.constantFrom(0, 0, 1, 999, 1000, 20_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const enforced = liveWorldOf(policy);
        const observed = liveWorldOf({ ...policy, mode: 'observe' });
        for (const { waitMs, ...charge } of steps) {
          enforced.time.now += waitMs;
          observed.time.now += waitMs;
          const one = enforced.consume(charge);
          const other = observed.consume(charge);
          expect(other).toMatchObject({ allowed: true, wouldRefuse: !one.allowed });
          const { allowed: _, wouldRefuse, ...facts } = other.toJSON() as { allowed: boolean; wouldRefuse: boolean };
          expect({ ...facts, allowed: !wouldRefuse, wouldRefuse: false }).toEqual(one.toJSON());
        }
        expect(observed.limiter.stats().throttlings).toBe(enforced.limiter.stats().throttlings);
      }),
      { numRuns: runsFor(200) },
    );
  });

  it('report each would-be refusal by an event and in the stats', () => {
    const { allowed, limiter } = liveWorld({ policy: { quotas: [perMinute(2)], mode: 'observe' } });
    const published: Decision[] = [];
    const listener = (decision: Decision) => published.push(decision);
    limiter.on('wouldRefuse', listener);
    expect(allowed(5)).toEqual([true, true, true, true, true]);
    expect(published).toHaveLength(3);
    expect(published[0]).toMatchObject({
      account: 'ameyo5m',
      category: 'legs',
      allowed: true,
      wouldRefuse: true,
      reason: 'limit-reached',
      receipt: undefined,
      retryAfterMs: 60_000,
    });
    limiter.off('wouldRefuse', listener);
    limiter.consume({ account: 'ameyo5m', category: 'legs' });
    expect(published).toHaveLength(3);
    expect(limiter.stats().wouldRefuse).toBe(4);
    limiter.peek({ account: 'ameyo5m', category: 'legs' });
    expect(limiter.stats().wouldRefuse).toBe(4);
  });

  it.each([
    ['a category', { categories: { legs: { mode: 'observe' } } }],
    ['a plan', { plans: { trial: { mode: 'observe' } } }],
    ['one account', { accounts: { ameyo5m: { mode: 'observe' } } }],
    ['a category of a plan', { plans: { trial: { categories: { legs: { mode: 'observe' } } } } }],
  ] as [string, Partial<PolicyOptions>][])('are those of %s alone', (_, layer) => {
    const { allowed } = liveWorld({ policy: { quotas: [perMinute(1)], ...layer } });
    expect(allowed(2, { plan: 'trial' })).toEqual([true, true]);
    expect(allowed(2, { account: 'other', category: 'actions' })).toEqual([true, false]);
  });

  it('end if a more specific layer enforces', () => {
    const { allowed } = liveWorld({
      policy: { quotas: [perMinute(1)], mode: 'observe', accounts: { ameyo5m: { mode: 'enforce' } } },
    });
    expect(allowed(2)).toEqual([true, false]);
    expect(allowed(2, { account: 'other' })).toEqual([true, true]);
  });

  it('of a category include the total', () => {
    const { allowed } = liveWorld({
      policy: { quotas: [perMinute(9)], total: [perMinute(1)], categories: { legs: { mode: 'observe' } } },
    });
    expect(allowed(2)).toEqual([true, true]);
    expect(allowed(1, { category: 'actions' })).toEqual([false]);
  });
});

describe('observed limits while the store fails', () => {
  fakeTime();

  it('refuse nobody', async () => {
    const { consume, goDown, limiter } = failingWorld({ onStoreFailure: 'deny', mode: 'observe' });
    await goDown();
    expect(await consume()).toMatchObject({ allowed: true, wouldRefuse: true, reason: 'store-unavailable' });
    expect(limiter.stats().wouldRefuse).toBeGreaterThan(0);
  });

  it('are observed locally', async () => {
    const { consume, goDown } = failingWorld({ mode: 'observe' });
    await goDown();
    for (let times = 0; times < 3; times++) expect(await consume()).toMatchObject({ wouldRefuse: false });
    expect(await consume()).toMatchObject({ allowed: true, wouldRefuse: true, source: 'local' });
  });
});

function liveWorldOf(policy: PolicyOptions) {
  const { limiter, time, consume } = liveWorld({ policy });
  expect(limiter).toBeInstanceOf(RateLimiter);
  return { limiter, time, consume };
}
