import fastifyRateLimit from '@fastify/rate-limit';
import { hitlimit } from '@joint-ops/hitlimit/fastify';
import { rateLimit } from '@tollgate/fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { flexibleHeaders, type HttpSettings, type Refusal, twoQuotas } from './http-settings.js';

const account = (request: FastifyRequest) => (request.params as { account_sid: string }).account_sid;

export const FASTIFY_LIMITERS: Readonly<
  Record<string, (fastify: FastifyInstance, settings: HttpSettings) => Promise<void>>
> = {
  tollgate: async (fastify, settings) => {
    await fastify.register(rateLimit, { policy: { quotas: twoQuotas(settings) } });
  },

  '@fastify/rate-limit': async (fastify, { limit, windowMs }) => {
    await fastify.register(fastifyRateLimit, { max: limit, timeWindow: windowMs, keyGenerator: account });
  },

  'rate-limiter-flexible': async (fastify, { limit, windowMs }) => {
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
    await fastify.register(hitlimit, { limit, window: windowMs, key: account });
  },
};

/** The least that a hook can do to refuse, with an answer as long as ours. */
export function addBareFastifyRefusal(fastify: FastifyInstance, { headers, body }: Refusal): void {
  const entries = Object.entries(headers);
  fastify.addHook('onRequest', (_request, reply, _done) => {
    reply.code(429);
    for (const [name, value] of entries) reply.header(name, value);
    reply.send(body);
  });
}
