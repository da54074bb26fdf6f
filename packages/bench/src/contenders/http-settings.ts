import { Quota } from '@tollgate/core';

/** What every limiter over HTTP is made for: decisions that each account is granted in `windowMs`. */
export interface HttpSettings {
  readonly limit: number;
  readonly windowMs: number;
}

/** Ours decides two quotas. The second is never the one that refuses. */
export function twoQuotas({ limit, windowMs }: HttpSettings): Quota[] {
  return [new Quota({ limit, windowMs }), new Quota({ limit: Math.max(20, limit), windowMs: 1000 })];
}

/** An answer that the floor for refusals repeats, header by header. */
export interface Refusal {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
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
