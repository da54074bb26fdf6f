import { wallClock } from '../clock.js';
import type { Decision } from '../decision/index.js';
import { limitsText } from './limits-text.js';
import { numberText } from './number-text.js';

/** Which headers tell clients how their limits stand. */
export type HeaderFormat = 'x-ratelimit' | 'draft-11' | 'both' | false;

export const HEADER_FORMATS: readonly HeaderFormat[] = ['x-ratelimit', 'draft-11', 'both', false];

export type SetHeader = (name: string, value: string) => void;

/** Writes the headers of one format for a decision; on a category without limits there is nothing to write. */
export type HeadersWriter = (decision: Decision, set: SetHeader) => void;

/** How header names are spelled: as documentation does, or as a host does that would spell them so for each request. */
export type HeaderSpelling = 'usual' | 'lower-case';

export function headersWriter(format: HeaderFormat, spelling: HeaderSpelling = 'usual'): HeadersWriter {
  const names = headerNames(spelling);
  switch (format) {
    case 'x-ratelimit':
      return (decision, set) => writeXRateLimit(names, decision, set);
    case 'draft-11':
      return (decision, set) => writeDraft11(names, decision, set);
    case 'both':
      return (decision, set) => {
        writeXRateLimit(names, decision, set);
        writeDraft11(names, decision, set);
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

/** The names of all headers that a limiter sets, made once. */
export function headerNames(spelling: HeaderSpelling): HeaderNames {
  return spelling === 'usual' ? USUAL_NAMES : LOWER_CASE_NAMES;
}

/** `X-RateLimit-*` of the tightest quota; the reset is the epoch second from which its room has grown. */
function writeXRateLimit(names: HeaderNames, decision: Decision, set: SetHeader): void {
  const quota = decision.tightest;
  if (quota === undefined) return;
  set(names.limit, numberText(quota.limit));
  set(names.remaining, numberText(quota.remaining));
  set(names.reset, String(wholeSeconds(wallClock() + quota.resetAfterMs)));
}

/**
 * The fields of draft-ietf-httpapi-ratelimit-headers-11, Structured Fields lists (RFC 9651) with one item per quota. `w`
 * is in whole seconds; `t` is the seconds until there is more room.
 */
function writeDraft11(names: HeaderNames, decision: Decision, set: SetHeader): void {
  const { quotas } = decision;
  if (quotas.length === 0) return;
  const text = limitsText(decision);
  set(names.draftPolicy, text.policy);
  let limits = '';
  for (let index = 0; index < quotas.length; index++) {
    const { remaining, resetAfterMs } = quotas[index]!;
    const before = index === 0 ? '' : `${limits},`;
    limits = `${before}${text.names[index]!};r=${numberText(remaining)};t=${numberText(wholeSeconds(resetAfterMs))}`;
  }
  set(names.draftLimit, limits);
}

/** `Retry-After` (RFC 9110, section 10.2.3) in whole seconds; absent where no wait would help. */
export function writeRetryAfter(decision: Decision, set: SetHeader, name: string = USUAL_NAMES.retryAfter): void {
  if (decision.retryAfterMs !== null) set(name, numberText(wholeSeconds(decision.retryAfterMs)));
}

/** Rounded up, so that who waits that long has waited long enough. */
function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
