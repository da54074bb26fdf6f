import { type RateLimitOptions, rateLimit } from '@tollgate/fastify';
import Fastify from 'fastify';
import { type CommonOptions, type CommonRequest, listening, type Setup, statusOf } from './http/adapter.js';
import { describeHttp } from './http.js';

async function start(setup: Setup) {
  const { limiters, trustProxy = false, errorHandler = false, beforeAnswer } = setup;
  const app = Fastify({ trustProxy, forceCloseConnections: true });
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume();
    done(null);
  });
  if (errorHandler) {
    app.setErrorHandler((error: Error, _request, reply) => reply.code(500).send(`own handler: ${error.message}`));
  }
  for (const options of limiters) await app.register(rateLimit, fastifyOptions(options));
  for (const url of ['/v2/accounts/:account_sid', '/v2/accounts/:account_sid/*', '/*']) {
    app.all(url, async (request, reply) => {
      await beforeAnswer?.(request as CommonRequest);
      return reply.code(statusOf(request as CommonRequest)).send({ decision: request.rateLimit });
    });
  }
  await app.listen({ port: 0, host: '127.0.0.1' });
  const running = await listening(app.server);
  return { ...running, close: () => app.close() };
}

function fastifyOptions({ onLimited, onUnavailable, ...options }: CommonOptions): RateLimitOptions {
  const replacing = (replacement: NonNullable<CommonOptions['onLimited']>): RateLimitOptions['onLimited'] => {
    // The adapter must refuse a value that is no function.
    if (typeof replacement !== 'function') return replacement;
    return (request, reply, decision) =>
      replacement(request as CommonRequest, { end: (status, text) => void reply.code(status).send(text) }, decision);
  };
  return {
    ...(options as RateLimitOptions),
    ...(onLimited !== undefined && { onLimited: replacing(onLimited) }),
    ...(onUnavailable !== undefined && { onUnavailable: replacing(onUnavailable) }),
  } as RateLimitOptions;
}

describeHttp({ name: 'Fastify 5', start });
