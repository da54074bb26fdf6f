/** Whether a store's answer can be made into a decision on that many quotas and counters. */
export function isOutcome(value: unknown, quotas: number, counters: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { allowed, now, used, resetAfterMs, retryAfterMs, throttledMs } = value as Record<string, unknown>;
  return (
    typeof allowed === 'boolean' &&
    Number.isFinite(now) &&
    typeof retryAfterMs === 'number' &&
    retryAfterMs >= 0 &&
    areAmounts(used, quotas) &&
    areAmounts(resetAfterMs, quotas) &&
    (throttledMs === undefined || areAmounts(throttledMs, counters))
  );
}

function areAmounts(value: unknown, length: number): boolean {
  return (
    Array.isArray(value) && value.length === length && value.every((amount) => Number.isFinite(amount) && amount >= 0)
  );
}
