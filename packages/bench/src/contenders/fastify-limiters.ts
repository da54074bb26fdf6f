import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type ConstantAnswer, flexibleHeaders, type HttpSettings, twoQuotas } from './http-settings.js';

const account = (request: FastifyRequest) => (request.params as { account_sid: string }).account_sid;

/** Each imports its own package, so that a process loads only one. */
export const FASTIFY_LIMITERS: Readonly<
  Record<string, (fastify: FastifyInstance, settings: HttpSettings) => Promise<void>>
> = {
  tollgate: async (fastify, settings) => {
    const { legsApi, rateLimit } = await import('@tollgate/fastify');
    await fastify.register(rateLimit, legsApi({ policy: { quotas: twoQuotas(settings) } }));
  },

  '@fastify/rate-limit': async (fastify, { limit, windowMs }) => {
    const { default: rateLimit } = await import('@fastify/rate-limit');
    await fastify.register(rateLimit, { max: limit, timeWindow: windowMs, keyGenerator: account });
  },

  'rate-limiter-flexible': async (fastify, { limit, windowMs }) => {
    const { RateLimiterMemory, RateLimiterRes } = await import('rate-limiter-flexible');
    const limiter = new RateLimiterMemory({ points: limit, duration: windowMs / 1000 });
    fastify.addHook('onRequest', async (request, reply) => {
      try {
        const state = await limiter.consume(account(request));
        for (const [name, value] of flexibleHeaders(limit, state)) reply.header(name, value);
        return undefined;
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) throw refusal;
        for (const [name, value] of flexibleHeaders(limit, refusal)) reply.header(name, value);
        return reply.code(429).send('Too Many Requests');
      }
    });
  },

  hitlimit: async (fastify, { limit, windowMs }) => {
    const { hitlimit } = await import('@joint-ops/hitlimit/fastify');
    await fastify.register(hitlimit, { limit, window: windowMs, key: account });
  },
};

/** A hook that only sends what Tollgate sends. */
export function addConstantFastifyAnswer(fastify: FastifyInstance, { headers, body }: ConstantAnswer): void {
  fastify.addHook('onRequest', (_request, reply, done) => {
    if (body !== undefined) reply.code(429);
    for (const [name, value] of headers) reply.header(name, value);
    if (body === undefined) done();
    else reply.send(body);
  });
}
