import type { IncomingHttpHeaders } from 'node:http';
import type { Decision } from '@tollgate/core';
import { ENVELOPE_TYPE, requestId, writeRetryAfter } from '@tollgate/core/http';

/** The API's reply to a request, before it is put in the envelope. */
export interface Reply {
  readonly status: number;
  readonly response: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A complete HTTP answer, for either framework to send. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The parts of a request that its answer depends on; `id` is the framework's own, if it has one. */
export interface AnsweredRequest {
  readonly headers: IncomingHttpHeaders;
  readonly id?: unknown;
}

/** Puts a reply in the envelope of the Legs API. */
export function answerOf(request: AnsweredRequest, { status, response, headers }: Reply): Answer {
  return {
    status,
    headers: { 'Content-Type': ENVELOPE_TYPE, ...headers },
    body: JSON.stringify({ request_id: requestIdOf(request), http_code: status, response }),
  };
}

export function requestIdOf(request: AnsweredRequest): string {
  return requestId(request.headers['x-request-id'], request.id);
}

/** Larger bodies are refused. */
export const MAX_BODY_BYTES = 16_384;

export function badRequest(message: string): Reply {
  return failure(400, 'BAD_REQUEST', message);
}

export function unauthorized(): Reply {
  return {
    ...failure(401, 'UNAUTHORIZED', 'Send an API key and its token by HTTP Basic authentication.'),
    headers: { 'WWW-Authenticate': 'Basic realm="Legs API", charset="UTF-8"' },
  };
}

export function notFound(message: string): Reply {
  return failure(404, 'NOT_FOUND', message);
}

/** A refusal by a limiter that is not in front of the routes. */
export function tooMany(decision: Decision): Reply {
  const headers: Record<string, string> = { 'Cache-Control': 'no-store' };
  writeRetryAfter(decision, (name, value) => {
    headers[name] = value;
  });
  return { ...failure(429, 'RATE_LIMIT_EXCEEDED', 'Rate limit exceeded. Please retry after some time.'), headers };
}

export const UNKNOWN_ROUTE: Reply = notFound('There is no such route.');

/** The reply to an error of the framework or its body parser: the error's status if that is a 4xx, else 500. */
export function replyToError(error: unknown): Reply {
  const status = statusOf(error);
  if (status === 400) return badRequest('The request could not be read.');
  if (status === 413) return failure(413, 'PAYLOAD_TOO_LARGE', 'The request body is too large.');
  if (status > 400 && status < 500) return failure(status, 'REQUEST_REFUSED', 'The request could not be read.');
  return failure(500, 'INTERNAL_ERROR', 'Something went wrong.');
}

function failure(status: number, code: string, message: string): Reply {
  return { status, response: { error: { code, message } } };
}

function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null) return 500;
  if ('statusCode' in error && typeof error.statusCode === 'number') return error.statusCode;
  return 'status' in error && typeof error.status === 'number' ? error.status : 500;
}
