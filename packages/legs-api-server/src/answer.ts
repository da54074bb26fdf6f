import type { IncomingHttpHeaders } from 'node:http';
import { ENVELOPE_TYPE, requestId } from '@tollgate/core/http';
import type { Reply } from './reply.js';

/** An answer as it goes out, whichever framework sends it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** As much of a request as its answer depends on; `id` is the framework's, if it gives one. */
export interface Arrival {
  readonly headers: IncomingHttpHeaders;
  readonly id?: unknown;
}

/** Puts a reply in the envelope that every answer of the Legs API comes in. */
export function answerOf(request: Arrival, { status, response, headers }: Reply): Answer {
  return {
    status,
    headers: { 'Content-Type': ENVELOPE_TYPE, ...headers },
    body: JSON.stringify({ request_id: requestIdOf(request), http_code: status, response }),
  };
}

export function requestIdOf(request: Arrival): string {
  return requestId(request.headers['x-request-id'], request.id);
}
