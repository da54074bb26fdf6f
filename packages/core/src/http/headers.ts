import { wallClock } from '../clock.js';
import type { Decision, QuotaState } from '../decision.js';

/** Which headers tell clients how their limits stand. */
export type HeaderFormat = 'x-ratelimit' | 'draft-11' | 'both' | false;

export const HEADER_FORMATS: readonly HeaderFormat[] = ['x-ratelimit', 'draft-11', 'both', false];

export type SetHeader = (name: string, value: string) => void;

/** Writes the headers of one format for a decision; on a category without limits there is nothing to write. */
export type HeadersWriter = (decision: Decision, set: SetHeader) => void;

export function headersWriter(format: HeaderFormat): HeadersWriter {
  switch (format) {
    case 'x-ratelimit':
      return writeXRateLimit;
    case 'draft-11':
      return writeDraft11;
    case 'both':
      return (decision, set) => {
        writeXRateLimit(decision, set);
        writeDraft11(decision, set);
      };
    case false:
      return () => {};
  }
}

/** `X-RateLimit-*` of the tightest quota; the reset is the epoch second from which its room has grown. */
function writeXRateLimit(decision: Decision, set: SetHeader): void {
  const quota = decision.tightest;
  if (quota === undefined) return;
  set('X-RateLimit-Limit', String(quota.limit));
  set('X-RateLimit-Remaining', String(quota.remaining));
  set('X-RateLimit-Reset', String(wholeSeconds(wallClock() + quota.resetAfterMs)));
}

/**
 * The fields of draft-ietf-httpapi-ratelimit-headers-11, Structured Fields lists (RFC 9651) with one item per quota. `w`
 * is in whole seconds, so a window that is not is left unstated rather than misstated; `t` is the seconds until there is
 * more room.
 */
function writeDraft11(decision: Decision, set: SetHeader): void {
  const { quotas } = decision;
  if (quotas.length === 0) return;
  set('RateLimit-Policy', quotas.map(policyItem).join(','));
  set('RateLimit', quotas.map(limitItem).join(','));
}

function policyItem({ name, limit, windowMs }: QuotaState): string {
  const window = windowMs % 1000 === 0 ? `;w=${windowMs / 1000}` : '';
  return `${quoted(name)};q=${limit}${window}`;
}

function limitItem({ name, remaining, resetAfterMs }: QuotaState): string {
  return `${quoted(name)};r=${remaining};t=${wholeSeconds(resetAfterMs)}`;
}

function quoted(name: string): string {
  return `"${name.replace(/["\\]/g, '\\$&')}"`;
}

/** `Retry-After` (RFC 9110, section 10.2.3) in whole seconds; absent where no wait would help. */
export function writeRetryAfter(decision: Decision, set: SetHeader): void {
  if (decision.retryAfterMs !== null) set('Retry-After', String(wholeSeconds(decision.retryAfterMs)));
}

/** Rounded up, so that who waits that long has waited long enough. */
function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
