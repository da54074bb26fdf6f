import type { Charge, Decision } from '../decision/index.js';
import { optionTypeError } from '../errors.js';
import type { RateLimiter } from '../limiter/index.js';
import { legsApiPlace } from '../policy/index.js';
import { isPromise, type MaybePromise } from '../promises.js';
import { clientAddress } from './address.js';
import type { ChargeOptions, Optional } from './request-options.js';

/** What an adapter can say of a request of its framework. */
export interface RequestFacts<Request> {
  /** The path or URL by which the host routes, with all that its mounts have cut off. */
  readonly url: (request: Request) => string;
  /** Path parameters as the router decoded them. */
  readonly params: (request: Request) => unknown;
  /** The client's address, by the host's own trust in proxies. */
  readonly address: (request: Request) => string | undefined;
}

/** Reads charges out of requests. Without async options nothing here makes a promise. */
export class RequestReader<Request> {
  readonly #facts: RequestFacts<Request>;
  readonly #options: ChargeOptions<Request>;
  /** Where none of the options but `account` and `skip` is a function, what they say of every request. */
  readonly #constants: Constants | undefined;

  /** The options have been checked. */
  constructor(facts: RequestFacts<Request>, options: ChargeOptions<Request>) {
    this.#facts = facts;
    this.#options = options;
    this.#constants = constantsOf(options);
  }

  /** The same reader but for the options that `overrides` gives. */
  with(overrides: ChargeOptions<Request>): RequestReader<Request> {
    const given = Object.entries(overrides).filter(([, option]) => option !== undefined);
    return new RequestReader(this.#facts, { ...this.#options, ...Object.fromEntries(given) });
  }

  /** Charges the request, and says what came of it; `undefined` if it is to be left alone. */
  decide(request: Request, limiter: RateLimiter): MaybePromise<Decision | undefined> {
    const charge = this.read(request);
    if (isPromise(charge)) return charge.then((charge) => (charge === undefined ? undefined : limiter.consume(charge)));
    return charge === undefined ? undefined : limiter.consume(charge);
  }

  /** What the request is charged; `undefined` if it is to be left alone. */
  read(request: Request): MaybePromise<Charge | undefined> {
    const skipped = this.#options.skip?.(request);
    if (isPromise(skipped)) return skipped.then((skipped) => (skipped ? undefined : this.#charge(request)));
    return skipped ? undefined : this.#charge(request);
  }

  #charge(request: Request): MaybePromise<Charge> {
    const options = this.#options;
    const account = this.#account(request);
    const constants = this.#constants;
    if (constants !== undefined && !isPromise(account)) {
      const { category, cost, plan, region, environment } = constants;
      return this.#assemble(request, account, category, cost, plan, region, environment);
    }
    const category = ask(options.category, request);
    const cost = ask(options.cost, request);
    const plan = ask(options.plan, request);
    const region = ask(options.region, request);
    const environment = ask(options.environment, request);
    if (
      isPromise(account) ||
      isPromise(category) ||
      isPromise(cost) ||
      isPromise(plan) ||
      isPromise(region) ||
      isPromise(environment)
    ) {
      return Promise.all([account, category, cost, plan, region, environment]).then((told) =>
        this.#assemble(request, ...told),
      );
    }
    return this.#assemble(request, account, category, cost, plan, region, environment);
  }

  /**
   * The route's `account_sid`, else what the user's function says, else what stands after `/accounts/` in the path. The
   * function stands before the path, which under a wildcard route is the client's to choose: `/files/accounts/anyone`.
   */
  #account(request: Request): Optional<string> {
    const params = this.#facts.params(request) as { readonly account_sid?: unknown } | null | undefined;
    const own = typeof params === 'object' && params !== null ? params.account_sid : undefined;
    if (typeof own === 'string' && own !== '') return own;
    return ask(this.#options.account, request);
  }

  #assemble(
    request: Request,
    account: string | null | undefined,
    category: string | null | undefined,
    cost: number | null | undefined,
    plan: string | null | undefined,
    region: string | null | undefined,
    environment: string | null | undefined,
  ): Charge {
    const toldAccount = textOf('account', account);
    const toldCategory = textOf('category', category);
    const asksPath = toldAccount === undefined || toldCategory === undefined;
    const place = asksPath ? legsApiPlace(this.#facts.url(request)) : undefined;
    const known = toldAccount ?? place?.account;
    // One literal with all keys, where two shapes or a spread would read better: it is many times as fast to make and use.
    return {
      account: known,
      address: known === undefined ? clientAddress(this.#facts.address(request)) : undefined,
      category: toldCategory ?? place?.category,
      cost: cost ?? 1,
      plan: textOf('plan', plan),
      region: textOf('region', region),
      environment: textOf('environment', environment),
    } as Charge;
  }
}

/** The options that say the same of every request. */
interface Constants {
  readonly category: string | undefined;
  readonly cost: number | undefined;
  readonly plan: string | undefined;
  readonly region: string | undefined;
  readonly environment: string | undefined;
}

function constantsOf(options: ChargeOptions<never>): Constants | undefined {
  const { category, cost, plan, region, environment } = options;
  const asked = [category, cost, plan, region, environment].some((option) => typeof option === 'function');
  return asked ? undefined : ({ category, cost, plan, region, environment } as Constants);
}

function ask<Request, T extends string | number>(
  option: T | ((request: Request) => Optional<T>) | undefined,
  request: Request,
): Optional<T> {
  const told = typeof option === 'function' ? option(request) : option;
  // If the next function throws at once, no one is left to hear that this one failed; that must not end the process.
  if (isPromise(told)) told.then(undefined, () => {});
  return told;
}

/** What a function told; it declines by `undefined`, by `null`, or by nothing between the quotes. */
function textOf(option: string, told: unknown): string | undefined {
  if (told === undefined || told === null || told === '') return undefined;
  if (typeof told !== 'string') throw optionTypeError(option, 'a string', told);
  return told;
}
