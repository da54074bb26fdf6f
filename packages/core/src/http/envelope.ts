/**
 * The body of a refusal: the Legs API's 429 envelope, and the same for a 503. The keys, their order and the missing
 * white space are part of the API, so the text is concatenated around the request id.
 */
export type Envelope = (requestId: string) => string;

/** Makes envelopes with one `code` and `message`. All but the request id is concatenated once, here. */
export function envelopeWriter(httpCode: number, code: string, message: string): Envelope {
  const rest = `,"http_code":${httpCode},"response":{"error":${JSON.stringify({ code, message })}}}`;
  return (requestId) => `{"request_id":${JSON.stringify(requestId)}${rest}`;
}

export const DEFAULT_CODE = 'RATE_LIMIT_EXCEEDED';
export const DEFAULT_MESSAGE = 'Rate limit exceeded. Please retry after some time.';
export const BLOCKED_CODE = 'BLOCKED';
export const BLOCKED_MESSAGE = 'Requests of this client are blocked.';
export const UNAVAILABLE_CODE = 'RATE_LIMITER_UNAVAILABLE';
export const UNAVAILABLE_MESSAGE = 'Rate limiter unavailable. Please retry after some time.';
export const INVALID_COST_CODE = 'INVALID_COST';
export const INVALID_COST_MESSAGE = 'The cost of the request is invalid.';
export const ENVELOPE_TYPE = 'application/json; charset=utf-8';

/**
 * The id of a request: the client's `X-Request-Id` if it is a plain one, else the framework's, else 32 random hex
 * digits.
 */
export function requestId(header: string | readonly string[] | undefined, frameworkId: unknown): string {
  if (isRequestId(header)) return header;
  if (typeof frameworkId === 'number') return String(frameworkId);
  if (isRequestId(frameworkId)) return frameworkId;
  return randomId();
}

const ID_BYTES = 16;
/** Random bytes for many ids at once. One id at a time would take several times as long. */
const pool = Buffer.alloc(ID_BYTES * 256);
let taken = pool.length;

function randomId(): string {
  if (taken === pool.length) {
    crypto.getRandomValues(pool);
    taken = 0;
  }
  taken += ID_BYTES;
  return pool.toString('hex', taken - ID_BYTES, taken);
}

/** Up to 128 characters of a safe set, so that a hostile id cannot forge lines in a log. */
function isRequestId(id: unknown): id is string {
  return typeof id === 'string' && id.length <= 128 && /^[A-Za-z0-9._~:@+/=-]+$/.test(id);
}
