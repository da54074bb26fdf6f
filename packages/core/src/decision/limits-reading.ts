import type { AppliedQuota, Limits } from '../policy/index.js';
import type { Outcome } from '../store/index.js';

/**
 * The effective limit of a quota: shrunk while its counter is throttled. `throttledMs` has one number for each counter.
 */
export function limitAt(
  { quotas, counters, counterOfQuota }: Limits,
  throttledMs: Outcome['throttledMs'],
  index: number,
): number {
  const { limit } = quotas[index]!;
  if (throttledMs === undefined) return limit;
  const counter = counterOfQuota[index]!;
  return throttledMs[counter]! > 0 ? (counters[counter]!.throttle?.limitOf(limit) ?? limit) : limit;
}

/** The scope of a counter. */
export function scopeOf({ quotas, counterOfQuota }: Limits, counter: number): AppliedQuota['scope'] {
  return quotas[counterOfQuota.indexOf(counter)]!.scope;
}

/** Whether the charge would have fitted if no limit had been shrunk. */
export function isRefusedByThrottle(
  { quotas, counters, counterOfQuota }: Limits,
  {
    throttledMs,
    used,
  }: { readonly throttledMs?: Outcome['throttledMs'] | undefined; readonly used: ArrayLike<number> },
  cost: number,
): boolean {
  if (throttledMs === undefined || throttledMs.every((ms) => ms === 0)) return false;
  for (let index = 0; index < quotas.length; index++) {
    const charged = counters[counterOfQuota[index]!]!.cost ?? cost;
    if (charged > 0 && used[index]! + charged > quotas[index]!.limit) return false;
  }
  return true;
}
