import type { AppliedQuota, Limits } from '../policy/index.js';
import type { Outcome } from '../store/index.js';

/**
 * The effective limit of a quota: shrunk while its counter is throttled. `throttledMs` has one number for each counter.
 */
export function limitAt({ quotas, counters }: Limits, throttledMs: Outcome['throttledMs'], index: number): number {
  const { limit, scope } = quotas[index]!;
  if (throttledMs === undefined) return limit;
  const counter = scope === 'total' ? counters.length - 1 : 0;
  return throttledMs[counter]! > 0 ? (counters[counter]!.throttle?.limitOf(limit) ?? limit) : limit;
}

/** The scope of a counter. The total's counter is the last. */
export function scopeOf({ quotas, counters }: Limits, counter: number): AppliedQuota['scope'] {
  return (counter === counters.length - 1 ? quotas.at(-1) : quotas[0])!.scope;
}

/** Whether the charge would have fitted if no limit had been shrunk. */
export function isRefusedByThrottle(
  { quotas }: Limits,
  throttledMs: Outcome['throttledMs'],
  used: ArrayLike<number>,
  cost: number,
): boolean {
  if (throttledMs === undefined || !(throttledMs[0]! > 0 || throttledMs[1]! > 0)) return false;
  for (let index = 0; index < quotas.length; index++) {
    if (used[index]! + cost > quotas[index]!.limit) return false;
  }
  return true;
}
