import { createServer } from 'node:http';
import { type RateLimitOptions, rateLimit } from '@tollgate/express';
import express5, { type Express, type NextFunction, type Request, type Response } from 'express';
// @ts-expect-error: Express 4 has no types here, those of Express 5 serve for both
import express4 from 'express4';
import { type Adapter, type CommonOptions, listening, type Setup, statusOf } from './http/adapter.js';
import { describeHttp } from './http.js';

function adapter(name: string, createApp: () => Express): Adapter {
  return { name, start: (setup) => listening(createServer(application(createApp(), setup))) };
}

function application(app: Express, setup: Setup): Express {
  const { limiters, mount = 'account', trustProxy = false, errorHandler = false, beforeAnswer } = setup;
  app.set('trust proxy', trustProxy);
  for (const options of limiters) {
    const limiter = rateLimit(expressOptions(options));
    if (mount === 'root') app.use(limiter);
    else app.use('/v2/accounts/:account_sid', limiter);
  }
  app.use(async (request: Request, response: Response) => {
    await beforeAnswer?.(request);
    response.status(statusOf(request)).json({ decision: request.rateLimit });
  });
  if (errorHandler) {
    app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
      response.status(500).send(`own handler: ${error.message}`);
    });
  }
  return app;
}

function expressOptions({ onLimited, onUnavailable, ...options }: CommonOptions): RateLimitOptions {
  const replacing = (replacement: NonNullable<CommonOptions['onLimited']>): RateLimitOptions['onLimited'] => {
    // The adapter must refuse a value that is no function.
    if (typeof replacement !== 'function') return replacement;
    return (request, response, decision) =>
      replacement(request, { end: (status, text) => response.status(status).send(text) }, decision);
  };
  return {
    ...options,
    ...(onLimited !== undefined && { onLimited: replacing(onLimited) }),
    ...(onUnavailable !== undefined && { onUnavailable: replacing(onUnavailable) }),
  } as RateLimitOptions;
}

describeHttp(adapter('Express 5', express5));
describeHttp(adapter('Express 4', express4));
