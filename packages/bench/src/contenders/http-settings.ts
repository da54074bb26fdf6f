import type { QuotaOptions } from '@tollgate/core';

/** The limit of each account, for every contender over HTTP. */
export interface HttpSettings {
  readonly limit: number;
  readonly windowMs: number;
}

/** Tollgate decides two quotas. The second one never refuses. */
export function twoQuotas({ limit, windowMs }: HttpSettings): QuotaOptions[] {
  return [
    { limit, windowMs },
    { limit: Math.max(20, limit), windowMs: 1000 },
  ];
}

/** The headers and body that Tollgate sends, for a floor that sends them as constants. */
export interface ConstantAnswer {
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The body of a refusal; `undefined` admits requests. */
  readonly body?: string;
}

/** The headers of rate-limiter-flexible's README. The package itself sends no answer. */
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
