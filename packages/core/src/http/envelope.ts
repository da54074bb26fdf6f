/**
 * The body of a refusal: the Legs API's 429 envelope, and the same for a 503. Its keys, their order and the absence of white space are part of the
 * API, so it is put together by hand around the two parts that vary.
 */
export type Envelope = (requestId: string) => string;

/** A writer of envelopes with one `code` and `message`. The rest of the body is made once, here. */
export function envelopeWriter(httpCode: number, code: string, message: string): Envelope {
  const rest = `,"http_code":${httpCode},"response":{"error":${JSON.stringify({ code, message })}}}`;
  return (requestId) => `{"request_id":${JSON.stringify(requestId)}${rest}`;
}

export const DEFAULT_CODE = 'RATE_LIMIT_EXCEEDED';
export const DEFAULT_MESSAGE = 'Rate limit exceeded. Please retry after some time.';
export const UNAVAILABLE_CODE = 'RATE_LIMITER_UNAVAILABLE';
export const UNAVAILABLE_MESSAGE = 'Rate limiter unavailable. Please retry after some time.';
export const ENVELOPE_TYPE = 'application/json; charset=utf-8';

/**
 * The id that a request goes by: the client's own `X-Request-Id` if it is a sane one, else the framework's, else 32 new
 * hexadecimal digits.
 */
export function requestId(header: string | readonly string[] | undefined, frameworkId: unknown): string {
  if (isRequestId(header)) return header;
  if (typeof frameworkId === 'number') return String(frameworkId);
  if (isRequestId(frameworkId)) return frameworkId;
  return randomId();
}

const ID_BYTES = 16;
/** Random bytes for many ids at once: asked for one id at a time, they take several times as long. */
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

/** Up to 128 characters of those that ids are made of, so that a hostile one cannot bring mischief into a log. */
function isRequestId(id: unknown): id is string {
  return typeof id === 'string' && id.length <= 128 && /^[A-Za-z0-9._~:@+/=-]+$/.test(id);
}
