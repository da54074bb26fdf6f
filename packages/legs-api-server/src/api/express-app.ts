import type { RateLimiter } from '@tollgate/core';
import { legsApi, rateLimit } from '@tollgate/express';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { type Credentials, Gate } from './gate.js';
import { COLLECTIONS, legsRoutes } from './legs-api.js';
import { type Answer, answerOf, MAX_BODY_BYTES, replyToError, UNKNOWN_ROUTE } from './reply.js';

interface Params {
  readonly account_sid: string;
  readonly sid: string;
  readonly verb: string;
}

const ACCOUNT = '/v2/accounts/:account_sid';

/** The Legs API on Express. */
export function expressApp(limiter: RateLimiter, credentials: Credentials): Express {
  const gate = new Gate(credentials);
  const app = express();
  // Paths are matched as strictly as on Fastify, so that both apps answer alike.
  app.enable('strict routing').enable('case sensitive routing').disable('x-powered-by');

  app.use(ACCOUNT, async (request, response, next) => {
    const refusal = await gate.refuse(request);
    if (refusal === undefined) next();
    else send(response, refusal);
  });
  app.use(ACCOUNT, rateLimit(legsApi({ limiter, headers: 'both' })));
  // The API parses JSON, whatever type a body claims to have: both apps then refuse the same bodies.
  app.use(ACCOUNT, express.text({ type: () => true, limit: MAX_BODY_BYTES }));

  const routes = legsRoutes(limiter);
  for (const collection of COLLECTIONS) {
    for (const { method, path, reply } of routes) {
      app.route(`${ACCOUNT}/${collection}${path}`)[method](async (request: Request<Params>, response: Response) => {
        const { account_sid: account, sid, verb } = request.params;
        // Without a body the parser sets no string.
        const text = typeof request.body === 'string' ? request.body : '';
        send(response, answerOf(request, await reply({ account, collection, sid, verb, text })));
      });
    }
  }

  app.use((request, response) => send(response, answerOf(request, UNKNOWN_ROUTE)));
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) next(error);
    else send(response, answerOf(request, replyToError(error)));
  });
  return app;
}

function send(response: Response, { status, headers, body }: Answer): void {
  response.status(status).set(headers).send(body);
}
