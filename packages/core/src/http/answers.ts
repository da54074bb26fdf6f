import { checkOneOf } from '../check.js';
import type { Decision } from '../decision/index.js';
import {
  BLOCKED_CODE,
  BLOCKED_MESSAGE,
  DEFAULT_CODE,
  DEFAULT_MESSAGE,
  ENVELOPE_TYPE,
  envelopeWriter,
  INVALID_COST_CODE,
  INVALID_COST_MESSAGE,
  UNAVAILABLE_CODE,
  UNAVAILABLE_MESSAGE,
} from './envelope.js';
import {
  HEADER_FORMATS,
  type HeaderChoice,
  type HeaderFormat,
  type HeaderNames,
  type HeaderSpelling,
  type HeadersWriter,
  headerNames,
  headersWriter,
  type SetHeader,
  writeRetryAfter,
} from './headers.js';

export const LIMITED_STATUS = 429;
export const UNAVAILABLE_STATUS = 503;
export const BAD_REQUEST_STATUS = 400;

/** What may answer a request of a blocked account, subject or address. */
export const BLOCKED_STATUSES = [429, 403] as const;

/** The user's function in place of an answer. */
export type Replacement<Request, Response> = (request: Request, response: Response, decision: Decision) => unknown;

/** The HTTP answers of a limiter, for any framework. `target` is always the `this` of `set`. */
export class Answers<Request = never, Response = never> {
  readonly #names: HeaderNames;
  readonly #writeHeaders: HeadersWriter;
  readonly #headerChoice: HeaderChoice<Request> | undefined;
  /** Of all formats, for a function that chooses one. */
  readonly #writers: ReadonlyMap<HeaderFormat, HeadersWriter>;
  readonly #limited: ReturnType<typeof envelopeWriter>;
  readonly #unavailable = envelopeWriter(UNAVAILABLE_STATUS, UNAVAILABLE_CODE, UNAVAILABLE_MESSAGE);
  readonly #blockedStatus: number;
  readonly #blocked: ReturnType<typeof envelopeWriter>;
  readonly #badCost = envelopeWriter(BAD_REQUEST_STATUS, INVALID_COST_CODE, INVALID_COST_MESSAGE);
  readonly #onLimited: Replacement<Request, Response> | undefined;
  readonly #onUnavailable: Replacement<Request, Response> | undefined;

  constructor(
    options: {
      readonly headers?: HeaderFormat | HeaderChoice<Request> | undefined;
      readonly code?: string | undefined;
      readonly message?: string | undefined;
      readonly blockedStatus?: (typeof BLOCKED_STATUSES)[number] | undefined;
      readonly onLimited?: Replacement<Request, Response> | undefined;
      readonly onUnavailable?: Replacement<Request, Response> | undefined;
    },
    spelling: HeaderSpelling = 'usual',
  ) {
    const { headers = DEFAULT_FORMAT, code = DEFAULT_CODE, message = DEFAULT_MESSAGE } = options;
    this.#headerChoice = typeof headers === 'function' ? headers : undefined;
    this.#writers = new Map(HEADER_FORMATS.map((format) => [format, headersWriter(format, spelling)]));
    this.#writeHeaders = this.#writers.get(typeof headers === 'function' ? DEFAULT_FORMAT : headers)!;
    this.#names = headerNames(spelling);
    this.#limited = envelopeWriter(LIMITED_STATUS, code, message);
    this.#blockedStatus = options.blockedStatus ?? LIMITED_STATUS;
    this.#blocked =
      this.#blockedStatus === LIMITED_STATUS
        ? this.#limited
        : envelopeWriter(this.#blockedStatus, BLOCKED_CODE, BLOCKED_MESSAGE);
    this.#onLimited = options.onLimited;
    this.#onUnavailable = options.onUnavailable;
  }

  /**
   * The headers of every limited response; a refusal also gets `Retry-After` and `Cache-Control`. `request` is needed
   * where a function chooses the format.
   */
  writeHeaders<Target>(decision: Decision, set: SetHeader<Target>, target?: Target, request?: Request): void {
    if (this.#headerChoice === undefined) this.#writeHeaders(decision, set, target);
    else this.#chosenWriter(this.#headerChoice, decision, request)(decision, set, target);
    if (decision.allowed) return;
    writeRetryAfter(decision, set, this.#names.retryAfter, target);
    set.call(target!, this.#names.cacheControl, 'no-store');
  }

  /** Sets the content type of the answer to a request with an invalid cost, and returns its body. */
  writeBadCost<Target>(requestId: string, set: SetHeader<Target>, target?: Target): string {
    set.call(target!, this.#names.contentType, ENVELOPE_TYPE);
    return this.#badCost(requestId);
  }

  #chosenWriter(choose: HeaderChoice<Request>, decision: Decision, request: Request | undefined): HeadersWriter {
    const chosen = choose(request!, decision);
    if (chosen === undefined) return this.#writeHeaders;
    return this.#writers.get(checkOneOf('headers', chosen, HEADER_FORMATS))!;
  }

  /** The status of a refusal. An outage is never reported as the client's excess. */
  status(decision: Decision): number {
    if (isOutage(decision)) return UNAVAILABLE_STATUS;
    return isBlocked(decision) ? this.#blockedStatus : LIMITED_STATUS;
  }

  /** The user's own answer to a refusal, if there is one. */
  replacement(decision: Decision): Replacement<Request, Response> | undefined {
    return isOutage(decision) ? this.#onUnavailable : this.#onLimited;
  }

  /** Sets the content type of a refusal, and returns its body. */
  writeBody<Target>(decision: Decision, requestId: string, set: SetHeader<Target>, target?: Target): string {
    set.call(target!, this.#names.contentType, ENVELOPE_TYPE);
    if (isOutage(decision)) return this.#unavailable(requestId);
    return isBlocked(decision) ? this.#blocked(requestId) : this.#limited(requestId);
  }
}

const DEFAULT_FORMAT = 'x-ratelimit';

function isOutage(decision: Decision): boolean {
  return decision.reason === 'store-unavailable';
}

function isBlocked(decision: Decision): boolean {
  return decision.reason === 'blocked';
}

/** The decision to show for several limiters on one request: a refusal, else the one with the least room. */
export function tighter(before: Decision | null | undefined, decision: Decision): Decision {
  if (before === undefined || before === null || !decision.allowed || decision === before) return decision;
  const room = decision.tightest?.remaining ?? Number.POSITIVE_INFINITY;
  return room <= (before.tightest?.remaining ?? Number.POSITIVE_INFINITY) ? decision : before;
}
