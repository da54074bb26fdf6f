/** What the API says to a request, before it is put in its envelope. */
export interface Reply {
  readonly status: number;
  readonly response: object;
  readonly headers?: Readonly<Record<string, string>>;
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

export const UNKNOWN_ROUTE: Reply = notFound('There is no such route.');

/** The reply to what a framework or its body parser threw: its own status if it blames the client, else 500. */
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
