/** Whether a store's answer can be made into a decision on that many quotas. */
export function isOutcome(value: unknown, quotas: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { allowed, now, used, resetAfterMs, retryAfterMs } = value as Record<string, unknown>;
  return (
    typeof allowed === 'boolean' &&
    Number.isFinite(now) &&
    typeof retryAfterMs === 'number' &&
    retryAfterMs >= 0 &&
    areAmounts(used, quotas) &&
    areAmounts(resetAfterMs, quotas)
  );
}

function areAmounts(value: unknown, length: number): boolean {
  return (
    Array.isArray(value) && value.length === length && value.every((amount) => Number.isFinite(amount) && amount >= 0)
  );
}
