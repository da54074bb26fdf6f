import type { Request, RequestHandler } from 'express';
import { type ConstantAnswer, flexibleHeaders, type HttpSettings, twoQuotas } from './http-settings.js';

const account = (request: Request) => request.params['account_sid'] as string;

/** Each imports its own package, so that a process loads only one. */
export const EXPRESS_LIMITERS: Readonly<Record<string, (settings: HttpSettings) => Promise<RequestHandler>>> = {
  tollgate: async (settings) => {
    const { legsApi, rateLimit } = await import('@tollgate/express');
    return rateLimit(legsApi({ policy: { quotas: twoQuotas(settings) } }));
  },

  'express-rate-limit': async ({ limit, windowMs }) => {
    const { rateLimit } = await import('express-rate-limit');
    return rateLimit({ limit, windowMs, keyGenerator: account });
  },

  'rate-limiter-flexible': async ({ limit, windowMs }) => {
    const { RateLimiterMemory, RateLimiterRes } = await import('rate-limiter-flexible');
    const limiter = new RateLimiterMemory({ points: limit, duration: windowMs / 1000 });
    return (request, response, next) => {
      limiter.consume(account(request)).then(
        (state) => {
          for (const [name, value] of flexibleHeaders(limit, state)) response.setHeader(name, value);
          next();
        },
        (refusal) => {
          if (!(refusal instanceof RateLimiterRes)) return next(refusal);
          for (const [name, value] of flexibleHeaders(limit, refusal)) response.setHeader(name, value);
          return response.status(429).send('Too Many Requests');
        },
      );
    };
  },

  hitlimit: async ({ limit, windowMs }) => {
    const { hitlimit } = await import('@joint-ops/hitlimit');
    return hitlimit({ limit, window: windowMs, key: account });
  },
};

/** A middleware that only sends what Tollgate sends. */
export function constantExpressAnswer({ headers, body }: ConstantAnswer): RequestHandler {
  if (body === undefined) {
    return (_request, response, next) => {
      for (const [name, value] of headers) response.setHeader(name, value);
      next();
    };
  }
  return (_request, response) => {
    response.statusCode = 429;
    for (const [name, value] of headers) response.setHeader(name, value);
    response.end(body);
  };
}
