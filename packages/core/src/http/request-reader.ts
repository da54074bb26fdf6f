import { checkInteger } from '../check.js';
import type { Charge, Decision } from '../decision/index.js';
import { optionTypeError } from '../errors.js';
import { isPromise, type MaybePromise } from '../promises.js';
import { MAX_UNITS } from '../store/index.js';
import { warnOnce } from '../warnings.js';
import { type AddressFacts, AddressReader } from './address-reader.js';
import { askOption } from './ask-option.js';
import { noteFreeCharge } from './corrections.js';
import { LayerFunctions } from './layer-functions.js';
import type { MountedLimiter } from './mounted-limiter.js';
import type { ChargeOptions, HttpOptions, Optional } from './request-options.js';

/** How an adapter reads a request of its framework. */
export interface RequestFacts<Request> extends AddressFacts<Request> {
  /** The path or URL by which the host routes, including the part that its mounts have cut off. */
  readonly url: (request: Request) => string;
  /** Path parameters as the router decoded them. */
  readonly params: (request: Request) => unknown;
}

/** The route of a request, where the host shows it before its handler runs. `pattern` is `undefined` for a 404. */
export interface RouteFacts {
  readonly pattern: string | undefined;
}

/** The options of an adapter that decide how requests are read. */
export type ReaderOptions<Request> = ChargeOptions<Request> &
  Pick<HttpOptions<Request, never>, 'paths' | 'ipv6Prefix' | 'onBadCost'>;

/** The function `cost` returned no cost for a request, which is the client's mistake and answered by 400. */
export class BadCost extends Error {
  constructor(cause: unknown) {
    super('The cost of the request is invalid', { cause });
    this.name = 'BadCost';
  }
}

/** Reads charges from requests. Without async options it makes no promise. */
export class RequestReader<Request> {
  readonly #facts: RequestFacts<Request>;
  readonly #options: ReaderOptions<Request>;
  readonly #mounted: MountedLimiter;
  readonly #addresses: AddressReader<Request>;
  /** The route's parameter with the account. */
  readonly #parameter: string;
  /** The category of the route's pattern. */
  readonly #routeCategory: string | undefined;
  /** How paths are read; `undefined` where the options or the route say all. */
  readonly #paths: ReaderOptions<Request>['paths'];
  /** Whether a missing parameter is a mistake that has not been reported. */
  #needsParameter: boolean;
  #needsCost = true;
  /** The parts of every charge, if none of them comes from a function: prepared once for the route. */
  readonly #constants: ChargeParts | undefined;
  readonly #layers: LayerFunctions<Request>;
  /** Whether a request that costs nothing at first may cost something in the end. */
  readonly #keepsFree: boolean;

  /** The options have been checked. */
  constructor(
    facts: RequestFacts<Request>,
    options: ReaderOptions<Request>,
    mounted: MountedLimiter,
    route?: RouteFacts,
  ) {
    const { account, paths, skip, ipv6Prefix } = options;
    const shown = route?.pattern === undefined ? undefined : paths?.readRoute?.(route.pattern);
    this.#facts = facts;
    this.#options = options;
    this.#mounted = mounted;
    this.#addresses = new AddressReader(facts, ipv6Prefix, mounted.limiter.name);
    this.#parameter = parameterOf(account, shown?.parameter, route?.pattern);
    this.#routeCategory = shown?.category;
    this.#paths = shown === undefined ? paths : undefined;
    const isMatched = route === undefined || route.pattern !== undefined;
    const isNamed = typeof account === 'string' && account !== BY_ADDRESS;
    this.#needsParameter = isNamed && paths === undefined && isMatched;
    if (options.category !== undefined || paths !== undefined) mounted.namesCategories();
    this.#constants = isNamed && skip === undefined ? constantsOf(options) : undefined;
    this.#layers = new LayerFunctions(options);
    this.#keepsFree = (options.costAfter ?? options.costWhenAborted) !== undefined;
  }

  /** The reader of one route, with some options replaced. */
  with(overrides: ChargeOptions<Request>, route: RouteFacts): RequestReader<Request> {
    const given = Object.entries(overrides).filter(([, option]) => option !== undefined);
    return new RequestReader(this.#facts, { ...this.#options, ...Object.fromEntries(given) }, this.#mounted, route);
  }

  /** Charges the request and returns the decision; `undefined` for a skipped request. */
  decide(request: Request): MaybePromise<Decision | undefined> {
    const params = this.#facts.params(request) as Readonly<Record<string, unknown>> | null | undefined;
    const value = typeof params === 'object' && params !== null ? params[this.#parameter] : undefined;
    const parameter = typeof value === 'string' ? value : undefined;
    if (this.#constants !== undefined && parameter !== undefined && parameter !== '') {
      const place = this.#constants.category === undefined ? this.#place(request) : undefined;
      return this.#decide(this.#charge(request, parameter, this.#constants, place));
    }
    const skipped = this.#options.skip?.(request);
    if (isPromise(skipped)) {
      return skipped.then((skipped) => (skipped ? undefined : this.#consume(request, parameter)));
    }
    return skipped ? undefined : this.#consume(request, parameter);
  }

  #consume(request: Request, parameter: string | undefined): MaybePromise<Decision> {
    const charge = this.#ask(request, parameter);
    return isPromise(charge) ? charge.then((charge) => this.#decide(charge)) : this.#decide(charge);
  }

  #decide(charge: Charge): MaybePromise<Decision> {
    const decision = this.#mounted.limiter.consume(charge);
    if (charge.cost !== 0 || !this.#keepsFree) return decision;
    if (!isPromise(decision)) return noteFreeCharge(decision, charge);
    return decision.then((decision) => noteFreeCharge(decision, charge));
  }

  #place(request: Request): Place | undefined {
    return this.#paths?.read(this.#facts.url(request));
  }

  /** Asks the functions among the options. */
  #ask(request: Request, parameter: string | undefined): MaybePromise<Charge> {
    const options = this.#options;
    const { limiter } = this.#mounted;
    const place = this.#place(request);
    const account = this.#account(request, parameter ?? place?.account);
    const category = askOption(options.category, request);
    const cost = askOption(options.cost, request);
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
          this.#charge(request, account, checkParts(category, this.#cost(cost), plan, region, environment), place),
      );
    }
    return this.#charge(request, account, checkParts(category, this.#cost(cost), plan, region, environment), place);
  }

  #account(request: Request, parameter: string | undefined): Optional<string> {
    const { account } = this.#options;
    if (account === BY_ADDRESS) return undefined;
    if (typeof account === 'function')
      return askOption((request: Request) => account(request, parameter === '' ? undefined : parameter), request);
    if (parameter === undefined && this.#needsParameter) this.#reportNoParameter();
    return parameter;
  }

  #cost(cost: Answer<number>): number {
    if (cost === undefined && this.#needsCost && typeof this.#options.cost === 'function') this.#reportNoCost();
    if (cost === undefined || cost === null) return 1;
    try {
      return checkInteger('cost', cost, 0, MAX_UNITS);
    } catch (error) {
      throw this.#options.onBadCost === 'error' ? error : new BadCost(error);
    }
  }

  #charge(request: Request, account: string | null | undefined, parts: ChargeParts, place: Place | undefined): Charge {
    const known = typeof account === 'string' && account !== '' ? account : checkText('account', account);
    // One literal with all keys. Two shapes, or a spread, would read better and are many times slower.
    return {
      account: known,
      address: known === undefined ? this.#addresses.read(request) : undefined,
      category: parts.category ?? this.#routeCategory ?? place?.category ?? this.#mounted.withoutCategory(),
      cost: parts.cost,
      plan: parts.plan,
      region: parts.region,
      environment: parts.environment,
    } as Charge;
  }

  #reportNoCost(): void {
    this.#needsCost = false;
    const { name } = this.#mounted.limiter;
    warnOnce(
      'TOLLGATE_NO_COST',
      `The function \`cost\` of the limiter ${name} returned undefined, which counts 1: does it read a body before that is parsed? Return null where 1 is meant`,
      name,
    );
  }

  #reportNoParameter(): void {
    this.#needsParameter = false;
    const { name } = this.#mounted.limiter;
    warnOnce(
      'TOLLGATE_NO_PARAMETER',
      `The limiter ${name} finds no parameter ${this.#parameter} in a route, and counts the request by its address. Mount it where the path has :${this.#parameter}, or set \`account\``,
      `${name} ${this.#parameter}`,
    );
  }
}

/** The option `account` for the client's address. */
const BY_ADDRESS = 'address';
/** The parameter of the Legs API, which a function gets too. */
const USUAL_PARAMETER = 'account_sid';

type Place = ReturnType<NonNullable<ReaderOptions<never>['paths']>['read']>;

/** A parameter that the options name wins over that in the route's pattern, if the route has it. */
function parameterOf(account: ReaderOptions<never>['account'], shown: string | undefined, pattern = ''): string {
  const named = typeof account === 'string' ? account : USUAL_PARAMETER;
  return shown === undefined || pattern.split('/').includes(`:${named}`) ? named : shown;
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
  cost: number,
  plan: Answer<string>,
  region: Answer<string>,
  environment: Answer<string>,
): ChargeParts {
  return {
    category: checkText('category', category),
    cost,
    plan: checkText('plan', plan),
    region: checkText('region', region),
    environment: checkText('environment', environment),
  };
}

/** The answer of a user's function. It declines with `undefined`, `null` or an empty string. */
function checkText(option: string, answer: unknown): string | undefined {
  if (answer === undefined || answer === null || answer === '') return undefined;
  if (typeof answer !== 'string') throw optionTypeError(option, 'a string', answer);
  return answer;
}
