import type { Decision } from '@tollgate/core';
import {
  Answers,
  asError,
  BAD_REQUEST_STATUS,
  BadCost,
  CHARGE_OPTIONS,
  type ChargeOptions,
  Corrections,
  checkChargeOptions,
  checkCharges,
  checkHttpOptions,
  checkIpv6Prefix,
  checkNames,
  checkOneOf,
  checkOptions,
  checkRefundAtMost,
  type HttpOptions,
  legsApiOptions,
  limiterOf,
  MountedLimiter,
  type ProxyTrust,
  RequestReader,
  refusalLine,
  reportRefusal,
  requestId,
} from '@tollgate/core/http';
import { isPromise } from '@tollgate/core/kit';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

/** A route's own `config.rateLimit`: `false` switches limiting off, an object overrides the plugin's options. */
export type RouteRateLimit = false | ChargeOptions<FastifyRequest>;

declare module 'fastify' {
  interface FastifyRequest {
    /** The decision on this request; with several limiters, the tightest. `null` on a skipped request. */
    rateLimit: Decision | null;
  }
  interface FastifyContextConfig {
    rateLimit?: RouteRateLimit;
  }
}

/** `docs/reference.md` lists each option, and `docs/http.md` explains them. */
export type RateLimitOptions = HttpOptions<FastifyRequest, FastifyReply> & FastifyOptions;

interface FastifyOptions {
  /** The hook that charges: default `'onRequest'`; a later one if the account is known only after authentication. */
  readonly hook?: (typeof HOOKS)[number];
  /**
   * The level at which `request.log` gets a line for every request that is refused, or would be by limits that are only
   * observed. Default: `false`, no line: Fastify's own line of the request has the status already.
   */
  readonly logRefusals?: (typeof LOG_LEVELS)[number];
}

const LOG_LEVELS = [false, 'trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
const HOOKS = ['onRequest', 'preValidation', 'preHandler'] as const;

function log(request: FastifyRequest, decision: Decision, level: Exclude<(typeof LOG_LEVELS)[number], false>): void {
  const { fields, message } = refusalLine(decision);
  request.log[level](fields, message);
}

type Done = (error?: Error) => void;

type RouteCorrections = Corrections<FastifyRequest>;

/** What is prepared once for a route. */
interface Route {
  readonly reader: RequestReader<FastifyRequest>;
  readonly corrections: RouteCorrections;
}

const plugin: FastifyPluginAsync<RateLimitOptions> = async (fastify, options) => {
  checkHttpOptions('rateLimit', options, ['hook', 'logRefusals']);
  const { hook = 'onRequest', onRefused, logRefusals = false } = options;
  checkOneOf('rateLimit.hook', hook, HOOKS);
  checkOneOf('rateLimit.logRefusals', logRefusals, LOG_LEVELS);
  const limiter = limiterOf('rateLimit', options);
  checkNames('rateLimit', options, limiter);
  checkCharges('rateLimit', options, limiter);
  checkIpv6Prefix('rateLimit', options, limiter);
  const mounted = MountedLimiter.of(limiter);
  const corrections: RouteCorrections = new Corrections<FastifyRequest>(limiter, options);
  /** Whether the plugin or a route of it can refund. */
  let canRefund = corrections.isNeeded;
  const answers = new Answers<FastifyRequest, FastifyReply>(options, 'lower-case');
  const reader = new RequestReader<FastifyRequest>(
    {
      url: pathReader(fastify),
      params: (request) => request.params,
      address: (request) => request.ip,
      isForwarded: (request) => request.headers['x-forwarded-for'] !== undefined,
      proxyTrust: proxyTrustReader(fastify),
      hasLeft: (request) => request.raw.destroyed,
    },
    options,
    mounted,
  );
  /** The routes, by their configuration; `null` for a route without limits. */
  const routes = new WeakMap<object, Route | null>();

  function routeOf({ config, url }: FastifyRequest['routeOptions']): Route | null {
    let route = routes.get(config);
    if (route === undefined) {
      route = makeRoute(config.rateLimit, url);
      routes.set(config, route);
    }
    return route;
  }

  function makeRoute(own: RouteRateLimit = {}, pattern: string | undefined): Route | null {
    if (own === false) return null;
    checkChargeOptions('config.rateLimit', checkOptions('config.rateLimit', own, CHARGE_OPTIONS));
    return { reader: reader.with(own, { pattern }), corrections: corrections.with(own) };
  }

  function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    done: Done,
    decision: Decision | undefined,
    corrections: RouteCorrections | undefined,
  ): unknown {
    if (decision === undefined) {
      mounted.reached();
      return done();
    }
    if (decision.allowed && corrections?.isNeeded) {
      corrections.onEnd(request, reply.raw, decision, (error) =>
        request.log.warn({ err: error }, 'rate limit: the charge could not be corrected'),
      );
    }
    if (onRefused !== undefined) reportRefusal(onRefused, request, decision);
    if (logRefusals !== false && (!decision.allowed || decision.wouldRefuse)) log(request, decision, logRefusals);
    // The client may have left, or the app have answered, while the decision was made.
    if (reply.sent) return undefined;
    const shown = mounted.decided(decision, request.rateLimit);
    request.rateLimit = shown;
    answers.writeHeaders(shown, reply.header, reply, request);
    if (decision.allowed) return done();
    reply.code(answers.status(decision));
    const replacement = answers.replacement(decision);
    if (replacement !== undefined) return sendReturned(reply, replacement(request, reply, decision));
    const id = requestId(request.headers['x-request-id'], request.id);
    return reply.send(answers.writeBody(decision, id, reply.header, reply));
  }

  /** Answers a request that could not be decided. */
  function fail(request: FastifyRequest, reply: FastifyReply, done: Done, thrown: unknown): unknown {
    if (!(thrown instanceof BadCost)) return done(asError(thrown));
    if (reply.sent) return undefined;
    reply.code(BAD_REQUEST_STATUS);
    const id = requestId(request.headers['x-request-id'], request.id);
    return reply.send(answers.writeBadCost(id, reply.header, reply));
  }

  /** Sends the return value of a replacement, as Fastify does with a handler's. */
  function sendReturned(reply: FastifyReply, returned: unknown): unknown {
    if (returned === reply || returned === undefined || reply.sent) return undefined;
    if (isPromise(returned)) return returned.then((value) => sendReturned(reply, value));
    return reply.send(returned);
  }

  function rateLimitRequest(request: FastifyRequest, reply: FastifyReply, done: Done): void {
    try {
      const route = routeOf(request.routeOptions);
      const decision = route?.reader.decide(request);
      const answered = isPromise(decision)
        ? decision.then((decision) => answer(request, reply, done, decision, route?.corrections))
        : answer(request, reply, done, decision, route?.corrections);
      // A reply has a `then` too, but there is nothing to wait for.
      if (answered !== undefined && answered !== reply && isPromise(answered))
        answered.catch((thrown: unknown) => fail(request, reply, done, thrown));
    } catch (error) {
      fail(request, reply, done, error);
    }
  }

  if (!fastify.hasRequestDecorator('rateLimit')) fastify.decorateRequest('rateLimit', null);
  // A route with invalid settings fails where it is declared, not with its first request.
  fastify.addHook('onRoute', (route) => {
    const made = makeRoute(route.config?.rateLimit, route.url);
    if (made?.corrections.isNeeded) canRefund = true;
    if (!route.config?.rateLimit) return;
    checkNames('config.rateLimit', route.config.rateLimit, limiter);
    checkCharges('config.rateLimit', route.config.rateLimit, limiter);
  });
  fastify.addHook('onReady', async () => checkRefundAtMost(options, canRefund));
  fastify.addHook(hook, rateLimitRequest);
  const unwatch = mounted.mount(({ server }) => server === fastify.server);
  fastify.addHook('onClose', async () => unwatch());
};

interface RouterOptions {
  readonly useSemicolonDelimiter?: boolean;
  readonly trustProxy?: unknown;
}

/** Reads the path as the instance's router does. An option makes `;` the beginning of the query. */
function pathReader({ initialConfig }: FastifyInstance): (request: FastifyRequest) => string {
  const { useSemicolonDelimiter, routerOptions } = initialConfig as {
    readonly routerOptions?: RouterOptions;
  } & RouterOptions;
  if (!useSemicolonDelimiter && !routerOptions?.useSemicolonDelimiter) return (request) => request.url;
  return (request) => request.url.split(/[;?#]/, 1)[0]!;
}

/**
 * Reads the trust in proxies from the addresses that the instance reads, since it does not show its option
 * `trustProxy`.
 */
function proxyTrustReader(fastify: FastifyInstance): (request: FastifyRequest) => ProxyTrust {
  const isHopCount = typeof trustProxyOf(fastify) === 'number';
  return (request) => {
    if (request.ips === undefined) return 'none';
    if (isHopCount && addressThrough(request, [CLIENT]) === PEER) return 'hops-ignored';
    return addressThrough(request, [CLIENT, ...new Array<string>(MANY_HOPS).fill(PEER)]) === CLIENT ? 'anyone' : 'some';
  };
}

/** The address that a request from {@link PEER} would have, with these in `X-Forwarded-For`. */
function addressThrough(request: FastifyRequest, forwarded: readonly string[]): unknown {
  const headers = { 'x-forwarded-for': forwarded.join(', ') };
  return Reflect.get(request, 'ip', { raw: { headers, socket: { remoteAddress: PEER } } });
}

/** Reserved for documentation (RFC 5737), so no proxy has them. */
const CLIENT = '192.0.2.1';
const PEER = '192.0.2.2';
const MANY_HOPS = 64;

/** The option of the instance. Only a symbol leads to it; `undefined` in a version of Fastify without that. */
function trustProxyOf(fastify: FastifyInstance): unknown {
  for (let part: object | null = fastify; part !== null; part = Object.getPrototypeOf(part)) {
    for (const symbol of Object.getOwnPropertySymbols(part)) {
      if (symbol.description === 'fastify.options') return (Reflect.get(part, symbol) as RouterOptions).trustProxy;
    }
  }
  return undefined;
}

/**
 * The options of a Legs API: its policy of 100 requests a minute, its accounts, and its table of categories. Options
 * that are given win.
 *
 * @throws TypeError `TOLLGATE_OPTION_TYPE` unless `options` is a plain object.
 *
 * @example
 * await fastify.register(rateLimit, legsApi());
 */
export function legsApi(options: Partial<RateLimitOptions> = {}): RateLimitOptions {
  return legsApiOptions(options);
}

/**
 * Fastify plugin that charges every request of its instance, and answers the refused ones. A route changes its charge
 * with `config: { rateLimit: { category, cost, … } }`, or is left out with `config: { rateLimit: false }`. Registered
 * twice, both limits apply.
 *
 * Refusals are replies, not errors: they never reach `setErrorHandler`, and neither do failures of a store: the policy
 * decides what happens to a request then. Errors do: one thrown by a function among the options, a client without an
 * address, or the use of a closed store.
 *
 * @throws TypeError or RangeError, with a `TOLLGATE_…` code, for invalid options.
 *
 * @example
 * await fastify.register(rateLimit, legsApi());
 */
export const rateLimit: FastifyPluginAsync<RateLimitOptions> = fp(plugin, {
  name: '@tollgate/fastify',
  fastify: '5.x',
});

export default rateLimit;
