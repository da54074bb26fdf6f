import { hitlimit } from '@joint-ops/hitlimit';
import { rateLimit } from '@tollgate/express';
import type { Request, RequestHandler } from 'express';
import { rateLimit as expressRateLimit } from 'express-rate-limit';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { flexibleHeaders, type HttpSettings, type Refusal, twoQuotas } from './http-settings.js';

const account = (request: Request) => request.params['account_sid'] as string;

export const EXPRESS_LIMITERS: Readonly<Record<string, (settings: HttpSettings) => RequestHandler>> = {
  tollgate: (settings) => rateLimit({ policy: { quotas: twoQuotas(settings) } }),

  'express-rate-limit': ({ limit, windowMs }) => expressRateLimit({ limit, windowMs, keyGenerator: account }),

  'rate-limiter-flexible': ({ limit, windowMs }) => {
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

  hitlimit: ({ limit, windowMs }) => hitlimit({ limit, window: windowMs, key: account }),
};

/** The least that a middleware can do to refuse, with an answer as long as ours. */
export function bareExpressRefusal({ headers, body }: Refusal): RequestHandler {
  const entries = Object.entries(headers);
  return (_request, response) => {
    response.statusCode = 429;
    for (const [name, value] of entries) response.setHeader(name, value);
    response.end(body);
  };
}
