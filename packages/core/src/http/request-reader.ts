import type { Charge, Decision } from '../decision/index.js';
import { optionTypeError } from '../errors.js';
import type { RateLimiter } from '../limiter/index.js';
import { legsApiPlace } from '../policy/index.js';
import { isPromise, type MaybePromise } from '../promises.js';
import { clientAddress } from './address.js';
import { LayerFunctions } from './layer-functions.js';
import type { ChargeOptions, Optional } from './request-options.js';

/** How an adapter reads a request of its framework. */
export interface RequestFacts<Request> {
  /** The path or URL by which the host routes, including the part that its mounts have cut off. */
  readonly url: (request: Request) => string;
  /** Path parameters as the router decoded them. */
  readonly params: (request: Request) => unknown;
  /** The client's address, by the host's own trust in proxies. */
  readonly address: (request: Request) => string | undefined;
}

/** Reads charges from requests. Without async options it makes no promise. */
export class RequestReader<Request> {
  readonly #facts: RequestFacts<Request>;
  readonly #options: ChargeOptions<Request>;
  /** The parts of every charge, if none of them comes from a function: prepared once for the route. */
  readonly #constants: ChargeParts | undefined;
  readonly #layers: LayerFunctions<Request>;

  /** The options have been checked. */
  constructor(facts: RequestFacts<Request>, options: ChargeOptions<Request>) {
    this.#facts = facts;
    this.#options = options;
    this.#constants = constantsOf(options);
    this.#layers = new LayerFunctions(options);
  }

  /** A reader with some options replaced. */
  with(overrides: ChargeOptions<Request>): RequestReader<Request> {
    const given = Object.entries(overrides).filter(([, option]) => option !== undefined);
    return new RequestReader(this.#facts, { ...this.#options, ...Object.fromEntries(given) });
  }

  /**
   * Charges the request and returns the decision; `undefined` for a skipped request.
   *
   * The account is the route's `account_sid`, else the answer of the user's function, else the segment after
   * `/accounts/` in the path. The function comes before the path, which under a wildcard route is the client's choice:
   * `/files/accounts/anyone`.
   */
  decide(request: Request, limiter: RateLimiter): MaybePromise<Decision | undefined> {
    const params = this.#facts.params(request) as { readonly account_sid?: unknown } | null | undefined;
    const own = typeof params === 'object' && params !== null ? params.account_sid : undefined;
    const account = typeof own === 'string' && own !== '' ? own : undefined;
    const { skip } = this.#options;
    if (skip === undefined && account !== undefined && this.#constants !== undefined) {
      return limiter.consume(this.#charge(request, account, this.#constants));
    }
    const skipped = skip?.(request);
    if (isPromise(skipped)) {
      return skipped.then((skipped) => (skipped ? undefined : this.#consume(request, limiter, account)));
    }
    return skipped ? undefined : this.#consume(request, limiter, account);
  }

  #consume(request: Request, limiter: RateLimiter, account: string | undefined): MaybePromise<Decision> {
    const charge = this.#ask(request, limiter, account ?? ask(this.#options.account, request));
    return isPromise(charge) ? charge.then((charge) => limiter.consume(charge)) : limiter.consume(charge);
  }

  /** Asks the functions among the options. */
  #ask(request: Request, limiter: RateLimiter, account: Optional<string>): MaybePromise<Charge> {
    const options = this.#options;
    const category = ask(options.category, request);
    const cost = ask(options.cost, request);
    const plan = this.#layers.ask('plan', request, limiter);
    const region = this.#layers.ask('region', request, limiter);
    const environment = this.#layers.ask('environment', request, limiter);
    if (
      isPromise(account) ||
      isPromise(category) ||
      isPromise(cost) ||
      isPromise(plan) ||
      isPromise(region) ||
      isPromise(environment)
    ) {
      return Promise.all([account, category, cost, plan, region, environment]).then(
        ([account, category, cost, plan, region, environment]) =>
          this.#charge(request, account, checkParts(category, cost, plan, region, environment)),
      );
    }
    return this.#charge(request, account, checkParts(category, cost, plan, region, environment));
  }

  #charge(request: Request, account: string | null | undefined, parts: ChargeParts): Charge {
    const given = typeof account === 'string' && account !== '' ? account : checkText('account', account);
    const place =
      given === undefined || parts.category === undefined ? legsApiPlace(this.#facts.url(request)) : undefined;
    const known = given ?? place?.account;
    // One literal with all keys. Two shapes, or a spread, would read better and are many times slower.
    return {
      account: known,
      address: known === undefined ? clientAddress(this.#facts.address(request)) : undefined,
      category: parts.category ?? place?.category,
      cost: parts.cost,
      plan: parts.plan,
      region: parts.region,
      environment: parts.environment,
    } as Charge;
  }
}

/** What the options contribute to a charge, checked. */
interface ChargeParts {
  readonly category: string | undefined;
  readonly cost: number;
  readonly plan: string | undefined;
  readonly region: string | undefined;
  readonly environment: string | undefined;
}

function constantsOf({ category, cost, plan, region, environment }: ChargeOptions<never>): ChargeParts | undefined {
  if ([category, cost, plan, region, environment].some((option) => typeof option === 'function')) return undefined;
  return { category, cost: cost ?? 1, plan, region, environment } as ChargeParts;
}

type Answer<T> = T | null | undefined;

function checkParts(
  category: Answer<string>,
  cost: Answer<number>,
  plan: Answer<string>,
  region: Answer<string>,
  environment: Answer<string>,
): ChargeParts {
  return {
    category: checkText('category', category),
    cost: cost ?? 1,
    plan: checkText('plan', plan),
    region: checkText('region', region),
    environment: checkText('environment', environment),
  };
}

function ask<Request, T extends string | number>(
  option: T | ((request: Request) => Optional<T>) | undefined,
  request: Request,
): Optional<T> {
  const answer = typeof option === 'function' ? option(request) : option;
  // If the next function throws at once, nobody awaits this promise, and its rejection must not end the process.
  if (isPromise(answer)) answer.then(undefined, () => {});
  return answer;
}

/** The answer of a user's function. It declines with `undefined`, `null` or an empty string. */
function checkText(option: string, answer: unknown): string | undefined {
  if (answer === undefined || answer === null || answer === '') return undefined;
  if (typeof answer !== 'string') throw optionTypeError(option, 'a string', answer);
  return answer;
}
