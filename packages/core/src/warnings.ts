import { type Clock, monotonicClock } from './clock.js';
import { entryOf } from './entry-of.js';

/** The codes of process warnings. The codes are stable; each has a heading in `docs/is-it-on.md`. */
export type WarningCode =
  | 'TOLLGATE_CALLBACK_FAILED'
  | 'TOLLGATE_COUNTED_TWICE'
  | 'TOLLGATE_COUNTER_SPOILT'
  | 'TOLLGATE_FUNCTION_FAILED'
  | 'TOLLGATE_LIMITS_FRESH'
  | 'TOLLGATE_LIMITS_LOST'
  | 'TOLLGATE_LIMITS_STALE'
  | 'TOLLGATE_LIMIT_DROPPED'
  | 'TOLLGATE_MADE_PER_REQUEST'
  | 'TOLLGATE_NOTHING_DECIDED'
  | 'TOLLGATE_NO_CATEGORY'
  | 'TOLLGATE_NO_COST'
  | 'TOLLGATE_NO_PARAMETER'
  | 'TOLLGATE_PROXY_HOPS_IGNORED'
  | 'TOLLGATE_PROXY_NOT_TRUSTED'
  | 'TOLLGATE_PROXY_OPEN'
  | 'TOLLGATE_RANGE_UNMATCHED'
  | 'TOLLGATE_SHARED_COUNTERS'
  | 'TOLLGATE_STORE_DOWN'
  | 'TOLLGATE_STORE_UP'
  | 'TOLLGATE_SUSPENDED'
  | 'TOLLGATE_THROTTLE_IGNORED'
  | 'TOLLGATE_UNKNOWN_NAME'
  | 'TOLLGATE_USAGE_FAILED'
  | 'TOLLGATE_USAGE_STORED';

/**
 * Emits a process warning of the type `TollgateWarning`. Its detail is the address of the page that explains the code.
 * The message may contain text from a request or a server, so control characters are removed and its length is bounded.
 */
export function warn(code: WarningCode, message: string): void {
  const text = message.replace(/\p{Cc}+/gu, ' ').slice(0, LONGEST_MESSAGE);
  process.emitWarning(text, { type: 'TollgateWarning', code, detail: `See ${PAGE}#${code.toLowerCase()}` });
}

/**
 * As {@link warn}, but once in the life of the process for each code and cause. Beyond a hundred causes of a code
 * nothing more is reported of it, so that no request can flood the log or the memory.
 */
export function warnOnce(code: WarningCode, message: string, cause: string = message): void {
  const causes = entryOf(reported, code, () => new Set<string>());
  const key = cause.slice(0, LONGEST_MESSAGE);
  if (causes.size >= MOST_CAUSES || causes.has(key)) return;
  causes.add(key);
  warn(code, message);
}

const reported = new Map<WarningCode, Set<string>>();
const MOST_CAUSES = 100;

/**
 * Warns once when something fails, with the cause, and once when it works again. A failure for the same cause within a
 * minute is not reported again, nor is its end.
 */
export class OutageWarnings {
  readonly #failed: WarningCode;
  readonly #works: WarningCode;
  readonly #clock: Clock;
  #reportedCause = '';
  #reportedAt = Number.NEGATIVE_INFINITY;
  /** Whether the current failure was reported, so that its end will be. */
  #isReported = false;

  constructor(failed: WarningCode, works: WarningCode, clock: Clock = monotonicClock) {
    this.#failed = failed;
    this.#works = works;
    this.#clock = clock;
  }

  /** `sentence` makes the message of the cause, which it receives without a full stop. */
  failed(cause: string, sentence: (cause: string) => string): void {
    const now = this.#clock();
    if (this.#isReported || (cause === this.#reportedCause && now - this.#reportedAt < QUIET_MS)) return;
    this.#isReported = true;
    this.#reportedCause = cause;
    this.#reportedAt = now;
    warn(this.#failed, sentence(cause.replace(/\.$/, '')));
  }

  works(message: string): void {
    if (!this.#isReported) return;
    this.#isReported = false;
    warn(this.#works, message);
  }
}

/** The innermost cause of an error, in words: what a server or the network answered. */
export function causeInWords(error: unknown): string {
  let innermost = error;
  for (let depth = 0; depth < DEEPEST_CAUSE; depth++) {
    const { cause } = (innermost ?? {}) as { readonly cause?: unknown };
    if (cause === undefined) break;
    innermost = cause;
  }
  if (!(innermost instanceof Error)) return String(innermost);
  const { code } = innermost as { readonly code?: unknown };
  const { message } = innermost;
  return typeof code !== 'string' || message.includes(code) ? message : `${code}: ${message}`;
}

const PAGE = 'docs/is-it-on.md';
const LONGEST_MESSAGE = 500;
const QUIET_MS = 60_000;
/** An error may be its own cause. */
const DEEPEST_CAUSE = 8;
