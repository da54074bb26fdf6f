import type { QuotaOptions } from '@tollgate/core';

/** What every limiter over HTTP is made for: decisions that each account is granted in `windowMs`. */
export interface HttpSettings {
  readonly limit: number;
  readonly windowMs: number;
}

/** Ours decides two quotas. The second is never the one that refuses. */
export function twoQuotas({ limit, windowMs }: HttpSettings): QuotaOptions[] {
  return [
    { limit, windowMs },
    { limit: Math.max(20, limit), windowMs: 1000 },
  ];
}

/** What ours has added to an answer, for a floor to add as constants, header by header. */
export interface ConstantAnswer {
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Of a refusal; without it, requests are admitted. */
  readonly body?: string;
}

/** What rate-limiter-flexible's README sets; it leaves the answer to its user. */
export function flexibleHeaders(
  limit: number,
  { remainingPoints, msBeforeNext }: { readonly remainingPoints: number; readonly msBeforeNext: number },
): [string, string | number][] {
  return [
    ['Retry-After', msBeforeNext / 1000],
    ['X-RateLimit-Limit', limit],
    ['X-RateLimit-Remaining', remainingPoints],
    ['X-RateLimit-Reset', Math.ceil((Date.now() + msBeforeNext) / 1000)],
  ];
}
