import type { Decision } from '../decision.js';
import { DEFAULT_CODE, DEFAULT_MESSAGE, ENVELOPE_TYPE, envelopeWriter } from './envelope.js';
import { type HeaderFormat, headersWriter, type SetHeader, writeRetryAfter } from './headers.js';

export const LIMITED_STATUS = 429;

/** What a limiter says over HTTP, whichever framework sends it. */
export class Answers {
  readonly #writeHeaders: ReturnType<typeof headersWriter>;
  readonly #envelope: ReturnType<typeof envelopeWriter>;

  constructor(options: {
    readonly headers?: HeaderFormat | undefined;
    readonly code?: string | undefined;
    readonly message?: string | undefined;
  }) {
    const { headers = 'x-ratelimit', code = DEFAULT_CODE, message = DEFAULT_MESSAGE } = options;
    this.#writeHeaders = headersWriter(headers);
    this.#envelope = envelopeWriter(LIMITED_STATUS, code, message);
  }

  /** The headers of every limited response, admitted or not; `Retry-After` and `Cache-Control` with a refusal. */
  writeHeaders(decision: Decision, set: SetHeader): void {
    this.#writeHeaders(decision, set);
    if (decision.allowed) return;
    writeRetryAfter(decision, set);
    set('Cache-Control', 'no-store');
  }

  /** The refusal's body and its type. */
  writeBody(requestId: string, set: SetHeader): string {
    set('Content-Type', ENVELOPE_TYPE);
    return this.#envelope(requestId);
  }
}

/** Of the decisions of several limiters on one request, the one to show: a refusal, else the one with the least room. */
export function tighter(before: Decision | null | undefined, decision: Decision): Decision {
  if (before === undefined || before === null || !decision.allowed || decision === before) return decision;
  const room = decision.tightest?.remaining ?? Number.POSITIVE_INFINITY;
  return room <= (before.tightest?.remaining ?? Number.POSITIVE_INFINITY) ? decision : before;
}
