import type { Decision, PolicyNames } from '@tollgate/core';
import {
  type AnsweredRequest,
  Answers,
  asError,
  BAD_REQUEST_STATUS,
  BadCost,
  Corrections,
  checkCharges,
  checkHttpOptions,
  checkIpv6Prefix,
  checkNames,
  checkRefundAtMost,
  type HttpOptions,
  legsApiOptions,
  limiterOf,
  MountedLimiter,
  type ProxyTrust,
  RequestReader,
  reportRefusal,
  requestId,
} from '@tollgate/core/http';
import { entryOf, isPromise, optionConflictError } from '@tollgate/core/kit';
import type { NextFunction, Request, RequestHandler, Response } from 'express';

declare global {
  namespace Express {
    interface Request {
      /** The decision on this request; with several limiters, the tightest. Absent on a skipped request. */
      rateLimit?: Decision;
    }
  }
}

/** `docs/reference.md` lists each option, and `docs/http.md` explains them. */
export type RateLimitOptions<Names extends PolicyNames = PolicyNames> = HttpOptions<Request, Response, Names>;

/**
 * The options of a Legs API: its policy of 100 requests a minute, its accounts, and its table of categories. Options
 * that are given win.
 *
 * @throws TypeError `TOLLGATE_OPTION_TYPE` unless `options` is a plain object.
 *
 * @example
 * app.use('/v2/accounts/:account_sid', rateLimit(legsApi()));
 */
export function legsApi(options: Partial<RateLimitOptions> = {}): RateLimitOptions {
  return legsApiOptions(options);
}

/**
 * Express middleware that charges every request, and answers the refused ones. Mount it before the routes that it
 * limits, and where the path has the parameter if `account` names one. Several limiters on one app each count.
 *
 * Refusals never reach the app's error handlers, and neither do failures of a store: the policy decides what happens to
 * a request then. Errors do, through `next(error)`: one thrown by a function among the options, a client without an
 * address, or the use of a closed store.
 *
 * @throws TypeError or RangeError, with a `TOLLGATE_…` code, for invalid options.
 *
 * @example
 * app.use('/shops/:shop', rateLimit({ policy: { quotas: [perMinute(100)] }, account: 'shop' }));
 */
export function rateLimit<Names extends PolicyNames = PolicyNames>(options: RateLimitOptions<Names>): RequestHandler {
  checkHttpOptions('rateLimit', options);
  const limiter = limiterOf('rateLimit', options);
  checkNames('rateLimit', options, limiter);
  checkCharges('rateLimit', options, limiter);
  checkIpv6Prefix('rateLimit', options, limiter);
  const mounted = MountedLimiter.of(limiter);
  const answers = new Answers<Request, Response>(options);
  const { onRefused } = options;
  const corrections = new Corrections<Request>(limiter, options);
  checkRefundAtMost(options, corrections.isNeeded);
  const reader = new RequestReader<Request>(
    {
      url: pathOf,
      params: (request) => Reflect.get(request, 'params'),
      address: (request) => request.ip,
      isForwarded: (request) => request.headers['x-forwarded-for'] !== undefined,
      proxyTrust,
      hasLeft: (request) => request.socket.destroyed,
    },
    options,
    mounted,
  );

  function rateLimitRequest(request: Request, response: Response, next: NextFunction): void {
    try {
      const decision = reader.decide(request);
      const answered = isPromise(decision)
        ? decision.then((decision) => answer(request, response, next, decision))
        : answer(request, response, next, decision);
      // A response is never a promise, and looking for its `then` is slow.
      if (answered !== undefined && answered !== response && isPromise(answered)) {
        answered.catch((thrown: unknown) => fail(request, response, next, thrown));
      }
    } catch (error) {
      if (isExpress(response)) fail(request, response, next, error);
      else next(notExpressError());
    }
  }

  function answer(request: Request, response: Response, next: NextFunction, decision: Decision | undefined): unknown {
    if (decision === undefined) {
      mounted.reached();
      return next();
    }
    // Express has no log, and the answer has left: after a failed correction the charge stays.
    if (decision.allowed && corrections.isNeeded) corrections.onEnd(request, response, decision, () => {});
    if (onRefused !== undefined) reportRefusal(onRefused, request, decision);
    // Most requests have no `rateLimit` yet, and this is the fastest way to find out.
    const before = Object.hasOwn(request, 'rateLimit') ? request.rateLimit : undefined;
    const shown = mounted.decided(decision, before);
    request.rateLimit = shown;
    const setHeader: Response['setHeader'] = Reflect.get(response, 'setHeader');
    let isWritten = true;
    try {
      answers.writeHeaders(shown, setHeader, response, request);
    } catch (error) {
      // Only a response that has begun refuses headers. Most have not, so this is cheaper than asking first.
      if (!response.headersSent) throw error;
      isWritten = false;
    }
    if (!decision.allowed) return refuse(request, response, next, decision, isWritten);
    return next();
  }

  function refuse(
    request: Request,
    response: Response,
    next: NextFunction,
    decision: Decision,
    isWritten: boolean,
  ): unknown {
    // The client may have left, or the app have answered, while the decision was made.
    if (response.destroyed || (!isWritten && response.writableEnded)) return undefined;
    if (!isWritten) return next(new Error('The rate limit refuses a request whose response has begun'));
    response.statusCode = answers.status(decision);
    const replacement = answers.replacement(decision);
    if (replacement !== undefined) return replacement(request, response, decision);
    return end(response, answers.writeBody(decision, idOf(request), response.setHeader, response));
  }

  /** Answers a request that could not be decided. */
  function fail(request: Request, response: Response, next: NextFunction, thrown: unknown): unknown {
    if (!(thrown instanceof BadCost) || response.headersSent) return next(asError(thrown));
    response.statusCode = BAD_REQUEST_STATUS;
    return end(response, answers.writeBadCost(idOf(request), response.setHeader, response));
  }

  mounted.mount(servesMiddleware(rateLimitRequest));
  return rateLimitRequest;
}

function idOf(request: Request): string {
  return requestId(request.headers['x-request-id'], (request as { id?: unknown }).id);
}

function end(response: Response, body: string): unknown {
  response.setHeader('Content-Length', Buffer.byteLength(body));
  return response.end(body);
}

/** Whether an answered request came to an app that has the middleware in its routers, or to an app within that. */
function servesMiddleware(middleware: RequestHandler): (answered: AnsweredRequest) => boolean {
  const found = new WeakMap<object, boolean>();
  return ({ request }) => {
    const { app } = request as { readonly app?: unknown };
    if (typeof app !== 'function') return false;
    return entryOf(found, app, () => {
      for (let part: App | undefined = app as App; part !== undefined; part = part.parent) {
        // Express 4 has `_router`, and throws on `router`.
        if (hasLayer(part._router ?? part.router, middleware, DEEPEST_ROUTER)) return true;
      }
      return false;
    });
  };
}

/** An app of Express 4 or 5, with the part that shows its routes. */
interface App {
  readonly _router?: Router;
  readonly router?: Router;
  readonly parent?: App;
}

interface Router {
  readonly stack?: readonly { readonly handle?: Router; readonly route?: Router }[];
}

function hasLayer(router: Router | undefined, middleware: unknown, depth: number): boolean {
  if (depth === 0 || !Array.isArray(router?.stack)) return false;
  return router.stack.some(
    ({ handle, route }) =>
      handle === middleware || hasLayer(handle, middleware, depth - 1) || hasLayer(route, middleware, depth - 1),
  );
}

/** A router may be mounted on itself. */
const DEEPEST_ROUTER = 16;

/** Whether Express called the middleware. Fastify calls a plugin with other arguments. */
function isExpress(response: Response): boolean {
  return typeof response?.setHeader === 'function';
}

function notExpressError(): Error {
  return optionConflictError(
    'Expected Express to call this middleware, got another caller: on Fastify, register the plugin of @tollgate/fastify',
  );
}

/**
 * The path as Express itself has read it, with its mounts: it is what Express routes by. A plain path is read from the
 * URL, as in Express; the query may stay on.
 *
 * `Reflect.get`, since each request and response of Express has a hidden class of its own: V8's inline caches never
 * hit, and an ordinary access takes twice as long.
 */
function pathOf(request: Request): string {
  const url: string = Reflect.get(request, 'url');
  const path = url.startsWith('/') && !UNUSUAL.test(url) ? url : request.path;
  const baseUrl: string = Reflect.get(request, 'baseUrl');
  return baseUrl === '' ? path : baseUrl + path;
}

/** With one of these in a URL, Express falls back to a parser that reads it differently. */
const UNUSUAL = /[\t\n\f\r #\u00a0\ufeff]/;

/** The trust in proxies of the app whose route has the request. */
function proxyTrust({ app }: Request): ProxyTrust {
  if (!app.get('trust proxy')) return 'none';
  const trusts: (address: string, hop: number) => boolean = app.get('trust proxy fn');
  return trusts(NO_PROXY, MANY_HOPS) ? 'anyone' : 'some';
}

/** Reserved for documentation (RFC 5737), so no proxy has it. */
const NO_PROXY = '192.0.2.1';
const MANY_HOPS = 64;
