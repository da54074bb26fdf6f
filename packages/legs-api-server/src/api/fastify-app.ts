import type { RateLimiter } from '@tollgate/core';
import { legsApi, rateLimit } from '@tollgate/fastify';
import { type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { type Credentials, Gate } from './gate.js';
import { COLLECTIONS, legsRoutes } from './legs-api.js';
import { type Answer, answerOf, MAX_BODY_BYTES, replyToError, requestIdOf, UNKNOWN_ROUTE } from './reply.js';

interface LegsRoute {
  readonly Params: { readonly account_sid: string; readonly sid: string; readonly verb: string };
  readonly Body: string | undefined;
}

/** The Legs API on Fastify. */
export function fastifyApp(limiter: RateLimiter, credentials: Credentials): FastifyInstance {
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    // Fastify's own ids count from 1; those of the envelope have 32 hex digits.
    genReqId: (request) => requestIdOf({ headers: request.headers }),
    frameworkErrors: (error, request, reply) => send(reply, answerOf(request, replyToError(error))),
  });
  app.setErrorHandler((error, request, reply) => send(reply, answerOf(request, replyToError(error))));
  app.setNotFoundHandler((request, reply) => send(reply, answerOf(request, UNKNOWN_ROUTE)));
  app.register(async (accounts) => mountAccounts(accounts, limiter, credentials), {
    prefix: '/v2/accounts/:account_sid',
  });
  return app;
}

async function mountAccounts(app: FastifyInstance, limiter: RateLimiter, credentials: Credentials): Promise<void> {
  const gate = new Gate(credentials);
  app.addHook('onRequest', async (request, reply) => {
    const refusal = await gate.refuse(request);
    if (refusal !== undefined) return send(reply, refusal);
  });
  await app.register(rateLimit, legsApi({ limiter, headers: 'both' }));
  // The API parses JSON, whatever type a body claims to have: both apps then refuse the same bodies.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));

  const routes = legsRoutes(limiter);
  for (const collection of COLLECTIONS) {
    for (const { method, path, reply: replyTo } of routes) {
      app[method]<LegsRoute>(`/${collection}${path}`, async (request, reply) => {
        const { account_sid: account, sid, verb } = request.params;
        const text = request.body ?? '';
        return send(reply, answerOf(request, await replyTo({ account, collection, sid, verb, text })));
      });
    }
  }
  // Declared in this scope, the handler runs after the scope's hooks, so unknown routes of an account are limited too.
  app.setNotFoundHandler((request, reply) => send(reply, answerOf(request, UNKNOWN_ROUTE)));
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}
