import { definePolicy, type Policy, perMinute, perSecond } from '@tollgate/core';

/** What the scenes of one server are played with. */
export function demoPolicy(): Policy {
  return definePolicy({
    quotas: [perMinute(100)],
    categories: {
      bridges: [perMinute(100), perSecond(5, { every: 2, name: 'burst' })],
      events: { quotas: [perSecond(10, { every: 2 })], throttle: THROTTLE },
    },
    accounts: { observed1m: { mode: 'observe', categories: { legs: [perMinute(5)] } } },
  });
}

/** Short enough to be waited for. */
export const THROTTLE = { afterViolations: 5, withinMs: 10_000, forMs: 4000, factor: 0.2 };
