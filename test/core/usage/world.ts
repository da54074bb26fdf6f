import { type Charge, type Decision, MemoryStore, RateLimiter, type RateLimiterOptions } from '@tollgate/core';
import { MemoryUsage, type UsageOptions } from '@tollgate/core/usage';
import { onTestFinished } from 'vitest';
import { type Request, START_AT } from '../../contract/usage/requests.js';

/**
 * Limiters in memory that keep usage in one place, by clocks that only the test moves, and all that they were asked.
 */
export function usageWorld(options: Omit<RateLimiterOptions, 'store' | 'usage'>, usage: UsageOptions = {}) {
  const time = { now: START_AT };
  const clock = () => time.now;
  const store = usage.store ?? new MemoryUsage({ clock });
  const requests: Request[] = [];
  const limiterOf = () => {
    const limiter = new RateLimiter({
      ...options,
      store: new MemoryStore({ clock }),
      usage: { clock, ...usage, store },
    });
    onTestFinished(async () => limiter.close());
    return limiter;
  };
  const limiter = limiterOf();
  const consume = (charge: Partial<Charge> = {}, by: RateLimiter = limiter): Decision => {
    const decision = by.consume({ account: 'ameyo5m', category: 'legs', ...charge } as Charge) as Decision;
    const { account = '', category, allowed, wouldRefuse } = decision;
    const answer = wouldRefuse ? 'wouldRefuse' : allowed ? 'admitted' : 'refused';
    requests.push({ account, category, at: time.now, answer });
    return decision;
  };
  return { consume, limiter, limiterOf, requests, store, time };
}

/** Requests that a limiter has counted for usage, wherever they are now. */
export function countedBy(limiter: RateLimiter): number {
  const { pending, stored, dropped, lost } = limiter.stats().usage!;
  return pending + stored + dropped + lost;
}
