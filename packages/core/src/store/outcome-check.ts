/** Whether a store's answer is an outcome for that many quotas and counters. */
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
  if (!Array.isArray(value) || value.length !== length) return false;
  for (let index = 0; index < length; index++) {
    const amount: unknown = value[index];
    if (!Number.isFinite(amount) || (amount as number) < 0) return false;
  }
  return true;
}
