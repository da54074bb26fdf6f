/** The codes of process warnings. The codes are stable; each has a heading in `docs/is-it-on.md`. */
export type WarningCode =
  | 'TOLLGATE_CALLBACK_FAILED'
  | 'TOLLGATE_SHARED_COUNTERS'
  | 'TOLLGATE_FUNCTION_FAILED'
  | 'TOLLGATE_LIMIT_DROPPED'
  | 'TOLLGATE_COUNTED_TWICE'
  | 'TOLLGATE_MADE_PER_REQUEST'
  | 'TOLLGATE_NOTHING_DECIDED'
  | 'TOLLGATE_NO_CATEGORY'
  | 'TOLLGATE_NO_COST'
  | 'TOLLGATE_NO_PARAMETER'
  | 'TOLLGATE_PROXY_HOPS_IGNORED'
  | 'TOLLGATE_PROXY_NOT_TRUSTED'
  | 'TOLLGATE_PROXY_OPEN'
  | 'TOLLGATE_COUNTER_SPOILT'
  | 'TOLLGATE_STORE_DOWN'
  | 'TOLLGATE_STORE_UP'
  | 'TOLLGATE_SUSPENDED'
  | 'TOLLGATE_THROTTLE_IGNORED'
  | 'TOLLGATE_UNKNOWN_NAME';

/**
 * Emits a process warning of the type `TollgateWarning`. Its detail is the address of the page that explains the code.
 * The message may contain text from a request or a server, so control characters are removed and its length is bounded.
 */
export function warn(code: WarningCode, message: string): void {
  const text = message.replace(/\p{Cc}+/gu, ' ').slice(0, LONGEST_MESSAGE);
  process.emitWarning(text, { type: 'TollgateWarning', code, detail: `See ${PAGE}#${code.toLowerCase()}` });
}

/**
 * As {@link warn}, but once in the life of the process for each code and cause. Beyond a thousand causes nothing more is
 * reported, so that no request can flood the log or the memory.
 */
export function warnOnce(code: WarningCode, message: string, cause: string = message): void {
  const key = `${code} ${cause.slice(0, LONGEST_MESSAGE)}`;
  if (reported.size >= MOST_CAUSES || reported.has(key)) return;
  reported.add(key);
  warn(code, message);
}

const reported = new Set<string>();
const MOST_CAUSES = 1000;

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
/** An error may be its own cause. */
const DEEPEST_CAUSE = 8;
