/** The codes of process warnings. The codes are stable; each has a heading in `docs/is-it-on.md`. */
export type WarningCode =
  | 'TOLLGATE_CALLBACK_FAILED'
  | 'TOLLGATE_COUNTER_SPOILT'
  | 'TOLLGATE_STORE_DOWN'
  | 'TOLLGATE_STORE_UP'
  | 'TOLLGATE_SUSPENDED'
  | 'TOLLGATE_THROTTLE_IGNORED';

/**
 * Emits a process warning of the type `TollgateWarning`. Its detail is the address of the page that explains the code.
 * The message may contain text from a request or a server, so control characters are removed and its length is bounded.
 */
export function warn(code: WarningCode, message: string): void {
  const text = message.replace(/\p{Cc}+/gu, ' ').slice(0, LONGEST_MESSAGE);
  process.emitWarning(text, { type: 'TollgateWarning', code, detail: `See ${PAGE}#${code.toLowerCase()}` });
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
/** An error may be its own cause. */
const DEEPEST_CAUSE = 8;
