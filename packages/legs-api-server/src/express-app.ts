import type { RateLimiter } from '@tollgate/core';
import { rateLimit } from '@tollgate/express';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { type Answer, answerOf } from './answer.js';
import { type Credentials, Gate } from './gate.js';
import { LegsApi } from './legs-api.js';
import { MAX_BODY_BYTES, type Reply, replyToError, UNKNOWN_ROUTE } from './reply.js';

interface LegParams {
  readonly account_sid: string;
  readonly sid: string;
  readonly verb: string;
}

type LegRequest = Request<LegParams>;

/** The Legs API on Express. */
export function expressApp(limiter: RateLimiter, credentials: Credentials): Express {
  const api = new LegsApi();
  const gate = new Gate(credentials);
  const app = express();
  // As strict about paths as Fastify, so that both apps answer alike.
  app.enable('strict routing').enable('case sensitive routing').disable('x-powered-by');

  app.use('/v2/accounts/:account_sid', async (request, response, next) => {
    const refusal = await gate.refuse(request);
    if (refusal === undefined) next();
    else send(response, refusal);
  });
  app.use('/v2/accounts/:account_sid', rateLimit({ limiter, headers: 'both' }));
  // The API reads bodies as JSON whatever type they claim, and by itself: both apps then refuse the same ones.
  app.use('/v2/accounts/:account_sid', express.text({ type: () => true, limit: MAX_BODY_BYTES }));

  for (const collection of ['legs', 'bridges'] as const) {
    const base = `/v2/accounts/:account_sid/${collection}`;
    app.post(
      base,
      answer(({ params, body }) => api.create(params.account_sid, collection, textOf(body))),
    );
    app.get(
      `${base}/:sid`,
      answer(({ params }) => api.read(params.account_sid, collection, params.sid)),
    );
    app.put(
      `${base}/:sid`,
      answer(({ params, body }) => api.update(params.account_sid, collection, params.sid, textOf(body))),
    );
    app.post(
      `${base}/:sid/actions`,
      answer(({ params, body }) => api.act(params.account_sid, collection, params.sid, undefined, textOf(body))),
    );
    app.post(
      `${base}/:sid/actions/:verb`,
      answer(({ params, body }) => api.act(params.account_sid, collection, params.sid, params.verb, textOf(body))),
    );
    app.get(
      `${base}/:sid/external_events`,
      answer(({ params }) => api.events(params.account_sid, collection, params.sid)),
    );
  }

  app.use((request, response) => send(response, answerOf(request, UNKNOWN_ROUTE)));
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) next(error);
    else send(response, answerOf(request, replyToError(error)));
  });
  return app;
}

function answer(operation: (request: LegRequest) => Reply): (request: LegRequest, response: Response) => void {
  return (request, response) => send(response, answerOf(request, operation(request)));
}

function send(response: Response, { status, headers, body }: Answer): void {
  response.status(status).set(headers).send(body);
}

/** Without a body the parser leaves none. */
function textOf(body: unknown): string {
  return typeof body === 'string' ? body : '';
}
