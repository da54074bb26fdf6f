import { wallClock } from '../clock.js';
import { type Decision, limitsOf, type QuotaState } from '../decision/index.js';
import type { AppliedQuota } from '../policy/index.js';

/** The headers that show clients the state of their limits. */
export type HeaderFormat = 'x-ratelimit' | 'draft-11' | 'both' | false;

/**
 * Chooses the format for a request: `false` for clients that should not see their limits. `undefined` is the default.
 */
export type HeaderChoice<Request> = (request: Request, decision: Decision) => HeaderFormat | undefined;

export const HEADER_FORMATS: readonly HeaderFormat[] = ['x-ratelimit', 'draft-11', 'both', false];

/** Sets one header: a function, or a host's method, whose `this` is then passed beside it. */
export type SetHeader<Target = unknown> = (this: Target, name: string, value: string) => unknown;

/**
 * Writes the headers of one format for a decision; none for a category without limits. `target` is the `this` of `set`.
 */
export type HeadersWriter = <Target>(decision: Decision, set: SetHeader<Target>, target?: Target) => void;

/**
 * The spelling of header names: as in documentation, or in lower case for a host that would change them per request.
 */
export type HeaderSpelling = 'usual' | 'lower-case';

export function headersWriter(format: HeaderFormat, spelling: HeaderSpelling = 'usual'): HeadersWriter {
  const names = headerNames(spelling);
  const xRateLimit = xRateLimitWriter(names);
  const draft11 = draft11Writer(names);
  switch (format) {
    case 'x-ratelimit':
      return xRateLimit;
    case 'draft-11':
      return draft11;
    case 'both':
      return (decision, set, target) => {
        xRateLimit(decision, set, target);
        draft11(decision, set, target);
      };
    case false:
      return () => {};
  }
}

const USUAL_NAMES = {
  limit: 'X-RateLimit-Limit',
  remaining: 'X-RateLimit-Remaining',
  reset: 'X-RateLimit-Reset',
  draftPolicy: 'RateLimit-Policy',
  draftLimit: 'RateLimit',
  retryAfter: 'Retry-After',
  cacheControl: 'Cache-Control',
  contentType: 'Content-Type',
};

export type HeaderNames = Readonly<Record<keyof typeof USUAL_NAMES, string>>;

const LOWER_CASE_NAMES = Object.fromEntries(
  Object.entries(USUAL_NAMES).map(([key, name]) => [key, name.toLowerCase()]),
) as HeaderNames;

/** The names of all headers that a limiter sets. */
export function headerNames(spelling: HeaderSpelling): HeaderNames {
  return spelling === 'usual' ? USUAL_NAMES : LOWER_CASE_NAMES;
}

/** `X-RateLimit-*` of the tightest quota. The reset is the epoch second after which its room has grown. */
function xRateLimitWriter(names: HeaderNames): HeadersWriter {
  return function writeXRateLimit(decision, set, target) {
    let quota = decision.tightest;
    if (quota?.scope === 'service') quota = tightestOfClient(decision);
    if (quota === undefined) return;
    set.call(target!, names.limit, numberText(quota.limit));
    set.call(target!, names.remaining, numberText(quota.remaining));
    set.call(target!, names.reset, String(wholeSeconds(wallClock() + quota.resetAfterMs)));
  };
}

/**
 * How much room the whole service has is nobody's business but its operator's. Clients see their own limits, and
 * `Retry-After`.
 */
function tightestOfClient({ quotas }: Decision): QuotaState | undefined {
  let tightest: QuotaState | undefined;
  for (const quota of quotas) {
    if (quota.scope === 'service') continue;
    const isLess = tightest === undefined || quota.remaining < tightest.remaining;
    if (isLess || (quota.remaining === tightest?.remaining && quota.resetAfterMs > tightest.resetAfterMs))
      tightest = quota;
  }
  return tightest;
}

/**
 * The fields of draft-ietf-httpapi-ratelimit-headers-11, Structured Fields lists (RFC 9651) with one item per quota.
 * `w` is in whole seconds; `t` is the seconds until there is more room.
 */
function draft11Writer(names: HeaderNames): HeadersWriter {
  return function writeDraft11(decision, set, target) {
    const { quotas } = decision;
    if (quotas.length === 0) return;
    const text = limitsText(decision);
    if (text.policy === '') return;
    set.call(target!, names.draftPolicy, text.policy);
    let limits = '';
    for (let index = 0; index < quotas.length; index++) {
      const { scope, remaining, resetAfterMs } = quotas[index]!;
      if (scope === 'service') continue;
      const before = limits === '' ? '' : `${limits},`;
      limits = `${before}${text.names[index]!};r=${numberText(remaining)};t=${numberText(wholeSeconds(resetAfterMs))}`;
    }
    set.call(target!, names.draftLimit, limits);
  };
}

/** `Retry-After` (RFC 9110, section 10.2.3) in whole seconds; absent where no wait would help. */
export function writeRetryAfter<Target>(
  decision: Decision,
  set: SetHeader<Target>,
  name: string = USUAL_NAMES.retryAfter,
  target?: Target,
): void {
  // A block is no matter of waiting, even if it has an end.
  if (decision.retryAfterMs !== null && decision.reason !== 'blocked')
    set.call(target!, name, numberText(wholeSeconds(decision.retryAfterMs)));
}

/** Rounded up, so that a client that waits that long has waited long enough. */
function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/** The parts of the headers that depend on the limits alone. */
export interface LimitsText {
  /** `RateLimit-Policy`. */
  readonly policy: string;
  /** The names of the quotas, as strings of Structured Fields (RFC 9651). */
  readonly names: readonly string[];
}

/** Cached for all decisions with the same quotas. */
export function limitsText(decision: Decision): LimitsText {
  const { quotas } = limitsOf(decision);
  let text = textByQuotas.get(quotas);
  if (text === undefined) {
    const names = quotas.map(({ name }) => `"${name.replace(/["\\]/g, '\\$&')}"`);
    text = { policy: policyText(names, quotas), names };
    textByQuotas.set(quotas, text);
  }
  // Throttled limits are temporary, and those of one account.
  return decision.throttled === undefined ? text : { ...text, policy: policyText(text.names, decision.quotas) };
}

const textByQuotas = new WeakMap<readonly AppliedQuota[], LimitsText>();

/** `w` is in whole seconds, so another window is left out rather than misstated. */
function policyText(
  names: readonly string[],
  quotas: readonly Pick<QuotaState, 'scope' | 'limit' | 'windowMs'>[],
): string {
  return quotas
    .flatMap(({ scope, limit, windowMs }, index) => {
      if (scope === 'service') return [];
      const window = windowMs % 1000 === 0 ? `;w=${windowMs / 1000}` : '';
      return [`${names[index]!};q=${limit}${window}`];
    })
    .join(',');
}

/** A whole number as text. Nearly all headers have small numbers, whose texts are made once. */
function numberText(number: number): string {
  return number < SMALL && number >= 0 ? smallNumbers[number]! : String(number);
}

const SMALL = 1000;
const smallNumbers: readonly string[] = Array.from({ length: SMALL }, (_, number) => String(number));
