import { createServer } from 'node:http';
import { type Decision, perMinute } from '@tollgate/core';
import { legsApi as expressLegsApi, rateLimit as expressRateLimit } from '@tollgate/express';
import { legsApi as fastifyLegsApi, rateLimit as fastifyRateLimit } from '@tollgate/fastify';
import express5, { type Express, type Request, type RequestHandler, type Response, type Router } from 'express';
// @ts-expect-error: Express 4 has no types here, those of Express 5 serve for both
import express4 from 'express4';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { listening, type Running } from '../http/adapter.js';

/** The answer of a handler: what it is there for, and what the limiter charged. */
export interface Answer {
  /** The category of the handler's route; absent if no route matched. */
  readonly ran?: string;
  /** The account for which the handler acts. */
  readonly account?: string;
  /** The leg or the bridge for which the handler acts. */
  readonly subject?: string;
  readonly charged?: {
    readonly account?: string;
    readonly category?: string;
    readonly subjects?: { readonly leg?: string; readonly bridge?: string };
    /** The ids of the subjects whose counters were charged. */
    readonly ids: readonly string[];
  };
}

export interface RoutedServer {
  readonly name: string;
  readonly start: () => Promise<Running>;
}

const ACCOUNT = '/v2/accounts/:account_sid';
const ROUTES: readonly (readonly [category: string, path: string])[] = [
  ...['legs', 'bridges'].flatMap((collection) => [
    [collection, `/${collection}`] as const,
    [collection, `/${collection}/:sid`] as const,
    ['actions', `/${collection}/:sid/actions`] as const,
    ['actions', `/${collection}/:sid/actions/:verb`] as const,
    ['events', `/${collection}/:sid/external_events`] as const,
    ['other', `/${collection}/:sid/recordings`] as const,
  ]),
  ['other', '/numbers/:sid'],
  ['other', '/numbers/:sid/x/actions'],
];

const SUBJECT = /^\/(legs|bridges)\/:sid/;
const many = [perMinute(1_000_000_000)];
const options = () => ({ policy: { quotas: many, each: { leg: many, bridge: many } } });
const show = (decision: Decision | null | undefined) => ({
  charged: {
    ...decision?.toJSON(),
    quotas: undefined,
    ids: decision?.quotas.flatMap(({ subjectId }) => (subjectId === undefined ? [] : [subjectId])),
  },
});

/** An app of Express 4 or 5; `build` mounts the limiter and the routes. */
function expressServer(name: string, build: (make: ExpressParts) => Express): RoutedServer[] {
  return [['Express 4', express4 as typeof express5] as const, ['Express 5', express5] as const].map(
    ([version, framework]) => ({
      name: `${version}, ${name}`,
      start: async () => {
        const limiter = expressRateLimit(expressLegsApi(options()));
        const app = build({ app: framework(), router: (given) => framework.Router(given), limiter });
        app.use((request: Request, response: Response) => void response.status(404).json(show(request.rateLimit)));
        app.use(((error, request, response, _next) => {
          response.status(error.status ?? 500).json(show(request.rateLimit));
        }) as express5.ErrorRequestHandler);
        return listening(createServer(app));
      },
    }),
  );
}

interface ExpressParts {
  readonly app: Express;
  readonly router: (options?: express5.RouterOptions) => Router;
  readonly limiter: RequestHandler;
}

/** The account as Express decodes it, for routers to which the parameter is not visible. */
const noteAccount: RequestHandler = (request, response, next) => {
  response.locals['account'] = request.params['account_sid'];
  next();
};

function addRoutes(router: Pick<Router, 'all'>, base: string, ...before: RequestHandler[]): void {
  for (const [ran, path] of ROUTES) {
    router.all(base + path, ...before, (request: Request, response: Response) => {
      const account: unknown = request.params['account_sid'] ?? response.locals['account'];
      const subject = SUBJECT.test(path) ? request.params['sid'] : undefined;
      response.json({ ran, account, subject, ...show(request.rateLimit) });
    });
  }
}

const EXPRESS_SERVERS: readonly RoutedServer[] = [
  ...expressServer('limiter on the accounts', ({ app, limiter }) => {
    app.use(ACCOUNT, limiter);
    addRoutes(app, ACCOUNT);
    return app;
  }),
  ...expressServer('limiter on the app', ({ app, limiter }) => {
    app.use(limiter);
    addRoutes(app, ACCOUNT);
    return app;
  }),
  ...expressServer('limiter on each route', ({ app, limiter }) => {
    addRoutes(app, ACCOUNT, limiter);
    return app;
  }),
  ...expressServer('strict and case-sensitive', ({ app, limiter }) => {
    app.enable('strict routing').enable('case sensitive routing').use(ACCOUNT, limiter);
    addRoutes(app, ACCOUNT);
    return app;
  }),
  ...expressServer('router with mergeParams', ({ app, router, limiter }) => {
    const inner = router({ mergeParams: true, strict: true, caseSensitive: true });
    inner.use(limiter);
    addRoutes(inner, '');
    return app.use(ACCOUNT, inner);
  }),
  ...expressServer('router without mergeParams', ({ app, router, limiter }) => {
    const inner = router();
    inner.use(limiter);
    addRoutes(inner, '');
    return app.use(ACCOUNT, noteAccount, inner);
  }),
  ...expressServer('routers within routers, under a prefix', ({ app, router, limiter }) => {
    const inner = router({ mergeParams: true });
    addRoutes(inner, '');
    const outer = router();
    outer.use('/accounts/:account_sid', limiter, inner);
    return app.use('/v2', outer).use('/api/v2', outer);
  }),
];

async function startFastify(given: FastifyServerOptions, build: (app: FastifyInstance) => unknown): Promise<Running> {
  const app = Fastify({ forceCloseConnections: true, ...given });
  app.setNotFoundHandler((request, reply) => reply.code(404).send(show(request.rateLimit)));
  await build(app);
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { ...(await listening(app.server)), close: () => app.close() };
}

/** The types of Fastify do not have each option of its router. */
function fastifyServer(
  name: string,
  routerOptions: object = {},
  given: FastifyServerOptions = {},
  base = ACCOUNT,
): RoutedServer {
  return {
    name: `Fastify, ${name}`,
    start: () =>
      startFastify({ ...given, routerOptions }, async (app) => {
        await app.register(fastifyRateLimit, fastifyLegsApi(options()));
        addFastifyRoutes(app, base);
      }),
  };
}

function addFastifyRoutes(app: FastifyInstance, base: string): void {
  for (const [ran, path] of ROUTES) {
    app.all<{ Params: Record<string, string> }>(base + path, async ({ params, rateLimit }) => {
      const subject = SUBJECT.test(path) ? params['sid'] : undefined;
      return { ran, account: params['account_sid'] ?? params['id'], subject, ...show(rateLimit) };
    });
  }
}

const FASTIFY_SERVERS: readonly RoutedServer[] = [
  fastifyServer('as it is'),
  fastifyServer('ignoreTrailingSlash', { ignoreTrailingSlash: true }),
  fastifyServer('ignoreDuplicateSlashes', { ignoreDuplicateSlashes: true }),
  fastifyServer('caseSensitive: false', { caseSensitive: false }),
  fastifyServer('useSemicolonDelimiter', { useSemicolonDelimiter: true }),
  fastifyServer('maxParamLength', { maxParamLength: 10_000 }),
  fastifyServer('rewriteUrl', {}, { rewriteUrl: ({ url = '/' }) => url.replace(/^\/(api|legs)(?=\/)/, '') }),
  fastifyServer('another parameter', {}, {}, '/v2/accounts/:id'),
  fastifyServer('all of them', {
    ignoreTrailingSlash: true,
    ignoreDuplicateSlashes: true,
    caseSensitive: false,
    useSemicolonDelimiter: true,
    maxParamLength: 10_000,
  }),
  {
    name: 'Fastify, scopes with a prefix',
    start: () =>
      startFastify({}, (app) =>
        app.register(
          async (accounts) => {
            await accounts.register(fastifyRateLimit, fastifyLegsApi(options()));
            addFastifyRoutes(accounts, '');
          },
          { prefix: ACCOUNT },
        ),
      ),
  },
];

export const SERVERS: readonly RoutedServer[] = [...EXPRESS_SERVERS, ...FASTIFY_SERVERS];
