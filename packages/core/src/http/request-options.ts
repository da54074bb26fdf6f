import { checkFunction, checkInteger, checkOneOf, checkOptions, checkString } from '../check.js';
import type { Decision } from '../decision/index.js';
import { optionConflictError, optionTypeError } from '../errors.js';
import { RateLimiter } from '../limiter/index.js';
import type { Policy, PolicyOptions } from '../policy/index.js';
import type { MaybePromise } from '../promises.js';
import { MAX_UNITS, type Store } from '../store/index.js';
import { HEADER_FORMATS, type HeaderFormat } from './headers.js';
import type { RefusalHook } from './refusal-hook.js';

/** Something the user's function may know of a request, or may not. */
export type Optional<T> = MaybePromise<T | null | undefined>;

/**
 * How a request is read: what it is charged, and to whom. Every function may be async, and may
 * decline by `undefined`, `null` or an empty string.
 */
export interface ChargeOptions<Request> {
  /**
   * The account, asked where the route has no `account_sid`. Declined: what stands after `/accounts/` in the path, else
   * the client's address.
   */
  readonly account?: (request: Request) => Optional<string>;
  /** The category, or a function that tells it. Declined: the Legs API's table by the path, else `other`. */
  readonly category?: string | ((request: Request) => Optional<string>);
  /** Units that the request takes: an integer from 0 to 2³¹ − 1, default 1. */
  readonly cost?: number | ((request: Request) => Optional<number>);
  /** The account's plan, for the policy's `plans`. */
  readonly plan?: string | ((request: Request) => Optional<string>);
  /** The region, for the policy's `regions`; a constant where the deployment has one region. */
  readonly region?: string | ((request: Request) => Optional<string>);
  /** The environment, for the policy's `environments`. */
  readonly environment?: string | ((request: Request) => Optional<string>);
  /** Leaves a request alone: it is not charged and gets no headers. */
  readonly skip?: (request: Request) => Optional<boolean>;
}

/** The options that both adapters share; `Request` and `Response` are the framework's own. */
export interface HttpOptions<Request, Response> extends ChargeOptions<Request> {
  /** What applies to whom. Either this, or a `limiter` that has a policy already. */
  readonly policy?: Policy | PolicyOptions;
  /** Where counters are kept; goes with `policy`. Default: in the memory of this process. */
  readonly store?: Store;
  /** What metrics call the limiter; goes with `policy`. Default: `default`. */
  readonly name?: string;
  /** A limiter made elsewhere, to share its limits between mounts, or to `peek`, `refund` and `reset` beside them. */
  readonly limiter?: RateLimiter;
  /** Which headers tell clients how their limits stand: default `'x-ratelimit'`. */
  readonly headers?: HeaderFormat;
  /** `error.code` of the refusal's envelope: default `RATE_LIMIT_EXCEEDED`. */
  readonly code?: string;
  /** `error.message` of the refusal's envelope. */
  readonly message?: string;
  /**
   * Gives the charge back when the response ended with such a status: `(status) => status >= 500` counts no request that
   * the service itself failed. The request is charged first, so this opens no race. A response that never ended, because
   * the client left, keeps its charge.
   */
  readonly refundWhen?: (statusCode: number) => Optional<boolean>;
  /** Replaces the answer to a refused request; the rate-limit headers and `Retry-After` are set already. */
  readonly onLimited?: (request: Request, response: Response, decision: Decision) => unknown;
  /**
   * Replaces the answer to a request that is turned away because the store fails and the policy says `'deny'`; the status
   * 503 and `Retry-After` are set already.
   */
  readonly onUnavailable?: (request: Request, response: Response, decision: Decision) => unknown;
  /**
   * Called for every request that is turned away, and for one that only observed limits would turn away: for a log, say. It
   * answers nothing, and what it throws changes nothing. `decision.wouldRefuse` tells the two apart.
   */
  readonly onRefused?: RefusalHook<Request>;
}

export const CHARGE_OPTIONS: readonly string[] = [
  'account',
  'category',
  'cost',
  'plan',
  'region',
  'environment',
  'skip',
];

const HTTP_OPTIONS: readonly string[] = [
  ...CHARGE_OPTIONS,
  'policy',
  'store',
  'name',
  'limiter',
  'headers',
  'code',
  'message',
  'refundWhen',
  'onLimited',
  'onUnavailable',
  'onRefused',
];

/** Refuses whatever an adapter could not use; `more` names the options that only this adapter has. */
export function checkHttpOptions(path: string, options: object, more: readonly string[] = []): void {
  const checked = checkOptions(path, options, [...HTTP_OPTIONS, ...more]);
  checkChargeOptions(path, checked);
  for (const name of ['refundWhen', 'onLimited', 'onUnavailable', 'onRefused']) {
    if (checked[name] !== undefined) checkFunction(`${path}.${name}`, checked[name]);
  }
  for (const name of ['code', 'message', 'name']) {
    if (checked[name] !== undefined) checkString(`${path}.${name}`, checked[name]);
  }
  if (checked['headers'] !== undefined) checkOneOf(`${path}.headers`, checked['headers'], HEADER_FORMATS);
}

export function checkChargeOptions(path: string, options: Readonly<Record<string, unknown>>): void {
  for (const name of ['account', 'skip']) {
    if (options[name] !== undefined) checkFunction(`${path}.${name}`, options[name]);
  }
  for (const name of ['category', 'plan', 'region', 'environment']) {
    const option = options[name];
    if (option === undefined || typeof option === 'function') continue;
    if (typeof option !== 'string') throw optionTypeError(`${path}.${name}`, 'a string or a function', option);
    checkString(`${path}.${name}`, option);
  }
  const cost = options['cost'];
  if (cost === undefined || typeof cost === 'function') return;
  if (typeof cost !== 'number') throw optionTypeError(`${path}.cost`, 'a number or a function', cost);
  checkInteger(`${path}.cost`, cost, 0, MAX_UNITS);
}

/** The limiter that the options give or ask for. */
export function limiterOf(
  path: string,
  options: Pick<HttpOptions<never, never>, 'policy' | 'store' | 'name' | 'limiter'>,
): RateLimiter {
  const { limiter, policy, store, name } = options;
  if (limiter === undefined) {
    if (policy === undefined) throw optionTypeError(`${path}.policy`, 'a policy, unless `limiter` is given', policy);
    return new RateLimiter({ policy, ...(store !== undefined && { store }), ...(name !== undefined && { name }) });
  }
  if (policy !== undefined || store !== undefined || name !== undefined) {
    throw optionConflictError(
      'Expected either `limiter` or `policy` with `store` and `name`, got both: a limiter has its own',
    );
  }
  if (typeof limiter?.consume !== 'function') throw optionTypeError(`${path}.limiter`, 'a RateLimiter', limiter);
  return limiter;
}
