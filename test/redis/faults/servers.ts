import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Decision } from '@tollgate/core';
import { type RateLimitOptions as ExpressOptions, rateLimit as expressRateLimit } from '@tollgate/express';
import { type RateLimitOptions as FastifyOptions, rateLimit as fastifyRateLimit } from '@tollgate/fastify';
import express from 'express';
import Fastify from 'fastify';

/** The options of both adapters that these tests use. */
export type LimitOptions = Pick<ExpressOptions & FastifyOptions, 'policy' | 'store' | 'limiter'>;

export interface RunningApp {
  readonly origin: string;
  close(): Promise<void>;
}

/** An application that answers with the decision's source. The account is in the path, the category in a header. */
export type StartApp = (options: LimitOptions) => Promise<RunningApp>;

export const startExpress: StartApp = async (options) => {
  const app = express();
  app.use(
    '/v2/accounts/:account_sid',
    expressRateLimit({ ...options, account: 'account_sid', category: ({ headers }) => String(headers['x-category']) }),
  );
  app.use((request: express.Request, response: express.Response) => {
    response.json(bodyOf(request.rateLimit));
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: originOf(server),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

export const startFastify: StartApp = async (options) => {
  const app = Fastify({ forceCloseConnections: true });
  await app.register(fastifyRateLimit, {
    ...options,
    account: 'account_sid',
    category: ({ headers }) => String(headers['x-category']),
  });
  app.get('/v2/accounts/:account_sid/*', async (request) => bodyOf(request.rateLimit));
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { origin: originOf(app.server), close: () => app.close() };
};

/** The body of the answer to an admitted request. */
export interface DecisionBody {
  readonly source: Decision['source'];
}

function bodyOf(decision: Decision | null | undefined): DecisionBody {
  return { source: decision!.source };
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
