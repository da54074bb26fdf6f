import type { RateLimiter } from '@tollgate/core';
import { rateLimit } from '@tollgate/fastify';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { type Answer, answerOf, requestIdOf } from './answer.js';
import { type Credentials, Gate } from './gate.js';
import { LegsApi } from './legs-api.js';
import { MAX_BODY_BYTES, type Reply, replyToError, UNKNOWN_ROUTE } from './reply.js';

interface LegRoute {
  readonly Params: { readonly account_sid: string; readonly sid: string; readonly verb: string };
  readonly Body: string | undefined;
}

/** The Legs API on Fastify. */
export function fastifyApp(limiter: RateLimiter, credentials: Credentials): FastifyInstance {
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    // The framework's own ids count from 1; the envelope's are 32 hex digits.
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
  const api = new LegsApi();
  const gate = new Gate(credentials);
  app.addHook('onRequest', async (request, reply) => {
    const refusal = await gate.refuse(request);
    if (refusal !== undefined) return send(reply, refusal);
  });
  await app.register(rateLimit, { limiter, headers: 'both' });
  // The API reads bodies as JSON whatever type they claim, and by itself: both apps then refuse the same ones.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));

  for (const collection of ['legs', 'bridges'] as const) {
    app.post<LegRoute>(
      `/${collection}`,
      answer(({ params, body }) => api.create(params.account_sid, collection, body ?? '')),
    );
    app.get<LegRoute>(
      `/${collection}/:sid`,
      answer(({ params }) => api.read(params.account_sid, collection, params.sid)),
    );
    app.put<LegRoute>(
      `/${collection}/:sid`,
      answer(({ params, body }) => api.update(params.account_sid, collection, params.sid, body ?? '')),
    );
    app.post<LegRoute>(
      `/${collection}/:sid/actions`,
      answer(({ params, body }) => api.act(params.account_sid, collection, params.sid, undefined, body ?? '')),
    );
    app.post<LegRoute>(
      `/${collection}/:sid/actions/:verb`,
      answer(({ params, body }) => api.act(params.account_sid, collection, params.sid, params.verb, body ?? '')),
    );
    app.get<LegRoute>(
      `/${collection}/:sid/external_events`,
      answer(({ params }) => api.events(params.account_sid, collection, params.sid)),
    );
  }
  // Declared here, it runs this scope's hooks: unknown routes of an account are limited too.
  app.setNotFoundHandler((request, reply) => send(reply, answerOf(request, UNKNOWN_ROUTE)));
}

function answer(operation: (request: FastifyRequest<LegRoute>) => Reply) {
  return (request: FastifyRequest<LegRoute>, reply: FastifyReply<LegRoute>): FastifyReply<LegRoute> => {
    const { status, headers, body } = answerOf(request, operation(request));
    return reply.code(status).headers(headers).send(body);
  };
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}
