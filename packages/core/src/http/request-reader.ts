import { checkInteger } from '../check.js';
import type { Charge, Decision, Subjects } from '../decision/index.js';
import { isPromise, type MaybePromise } from '../promises.js';
import { MAX_UNITS } from '../store/index.js';
import { warnOnce } from '../warnings.js';
import { DEFAULT_IPV6_PREFIX } from './address.js';
import { type AddressFacts, AddressReader } from './address-reader.js';
import { askOption, awaited } from './ask-option.js';
import { type ChargeParts, checkParts, checkSubjects, checkText, constantParts, withShown } from './charge-parts.js';
import { noteFreeCharge } from './corrections.js';
import { LayerFunctions } from './layer-functions.js';
import type { MountedLimiter } from './mounted-limiter.js';
import type { ChargeOptions, ClientFacts, HttpOptions, Optional } from './request-options.js';
import { severalCharges } from './several-charges.js';

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
  /** The kinds of subjects that the route shows, each with its parameter. */
  readonly #routeSubjects: readonly (readonly [kind: string, parameter: string | undefined])[] | undefined;
  /** How paths are read; `undefined` where the options or the route say all. */
  readonly #paths: ReaderOptions<Request>['paths'];
  /** How paths are read for subjects alone, where the route says all but these. */
  readonly #subjectPaths: ReaderOptions<Request>['paths'];
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
    mounted.countsAddresses(ipv6Prefix ?? DEFAULT_IPV6_PREFIX);
    this.#parameter = parameterOf(account, shown?.parameter, route?.pattern);
    this.#routeCategory = shown?.category;
    const showsSubjects = shown !== undefined && 'subjects' in shown;
    this.#routeSubjects = showsSubjects ? Object.entries(shown.subjects ?? {}) : undefined;
    this.#subjectPaths = shown === undefined || showsSubjects ? undefined : paths;
    this.#paths = shown === undefined ? paths : undefined;
    const isMatched = route === undefined || route.pattern !== undefined;
    const isNamed = typeof account === 'string' && account !== BY_ADDRESS;
    this.#needsParameter = isNamed && paths === undefined && isMatched;
    if (options.category !== undefined || paths !== undefined) mounted.namesCategories();
    this.#constants = isNamed && skip === undefined ? constantParts(options) : undefined;
    this.#layers = new LayerFunctions(options);
    this.#keepsFree = (options.costAfter ?? options.costWhenAborted) !== undefined;
  }

  /** The reader of one route, with some options replaced. */
  with(overrides: ChargeOptions<Request>, route: RouteFacts): RequestReader<Request> {
    const given = Object.entries(overrides).filter(([, option]) => option !== undefined);
    const { account, charges, ...others } = this.#options;
    // Each of the two replaces the other.
    const parties = (overrides.account ?? overrides.charges) === undefined ? { account, charges } : {};
    const options = { ...others, ...parties, ...Object.fromEntries(given) } as ReaderOptions<Request>;
    return new RequestReader(this.#facts, options, this.#mounted, route);
  }

  /** Charges the request and returns the decision; `undefined` for a skipped request. */
  decide(request: Request): MaybePromise<Decision | undefined> {
    const params = this.#facts.params(request) as Readonly<Record<string, unknown>> | null | undefined;
    const value = typeof params === 'object' && params !== null ? params[this.#parameter] : undefined;
    const parameter = typeof value === 'string' ? value : undefined;
    if (this.#constants !== undefined && parameter !== undefined && parameter !== '') {
      const place =
        this.#constants.category === undefined || this.#mounted.kinds.size > 0 ? this.#place(request) : undefined;
      const shown = this.#mounted.kinds.size === 0 ? undefined : this.#shown(request, place);
      return this.#decide(this.#charge(request, parameter, this.#constants, place, shown));
    }
    const skipped = this.#options.skip?.(request);
    if (isPromise(skipped)) {
      return skipped.then((skipped) => (skipped ? undefined : this.#consume(request, parameter)));
    }
    return skipped ? undefined : this.#consume(request, parameter);
  }

  #consume(request: Request, parameter: string | undefined): MaybePromise<Decision> {
    const place = this.#place(request);
    const shown = this.#mounted.kinds.size === 0 ? undefined : this.#shown(request, place);
    const known = parameter ?? place?.account;
    if (this.#options.charges !== undefined) return this.#consumeAll(request, known, place, shown);
    const account = this.#account(request, known);
    const parts = this.#parts(request, shown);
    if (isPromise(account) || isPromise(parts)) {
      return Promise.all([account, parts]).then(([account, parts]) =>
        this.#decide(this.#charge(request, account, parts, place, shown)),
      );
    }
    return this.#decide(this.#charge(request, account, parts, place, shown));
  }

  /** Asks for several charges. */
  #consumeAll(
    request: Request,
    parameter: string | undefined,
    place: Place | undefined,
    shown: Subjects | undefined,
  ): MaybePromise<Decision> {
    const client = new Client(() => this.#addresses.read(request), parameter === '' ? undefined : parameter);
    const entries = awaited(this.#options.charges!(request, client));
    const parts = this.#parts(request, shown);
    if (isPromise(entries) || isPromise(parts)) {
      return Promise.all([entries, parts]).then(([entries, parts]) =>
        this.#decideAll(this.#charges(entries, client, parts, place, shown)),
      );
    }
    return this.#decideAll(this.#charges(entries, client, parts, place, shown));
  }

  #decide(charge: Charge): MaybePromise<Decision> {
    const decision = this.#mounted.limiter.consume(charge);
    return charge.cost !== 0 || !this.#keepsFree ? decision : noted(decision, [charge]);
  }

  #decideAll(charges: readonly Charge[]): MaybePromise<Decision> {
    if (charges.length === 1) return this.#decide(charges[0]!);
    const decision = this.#mounted.limiter.consumeAll(charges);
    return this.#keepsFree ? noted(decision, charges) : decision;
  }

  #place(request: Request): Place | undefined {
    return this.#paths?.read(this.#facts.url(request), this.#mounted.kinds);
  }

  /** The subjects that the route or the path shows, of the kinds that the policy has. */
  #shown(request: Request, place: Place | undefined): Subjects | undefined {
    if (this.#routeSubjects === undefined) {
      const shown = place ?? this.#subjectPaths?.read(this.#facts.url(request), this.#mounted.kinds);
      return shown?.subjects && checkSubjects('paths.subjects', shown.subjects);
    }
    const params = this.#facts.params(request) as Readonly<Record<string, unknown>>;
    const shown: [string, string][] = [];
    for (const [kind, parameter] of this.#routeSubjects) {
      const id = parameter === undefined || !this.#mounted.kinds.has(kind) ? undefined : params[parameter];
      if (typeof id === 'string' && id !== '') shown.push([kind, id]);
    }
    return shown.length === 0 ? undefined : Object.fromEntries(shown);
  }

  /** Asks the functions among the options that each charge of the request has in common. */
  #parts(request: Request, shown: Subjects | undefined): MaybePromise<ChargeParts> {
    const options = this.#options;
    const { limiter } = this.#mounted;
    const category = askOption(options.category, request);
    const cost = askOption(options.cost, request);
    const plan = this.#layers.ask('plan', request, limiter);
    const region = this.#layers.ask('region', request, limiter);
    const environment = this.#layers.ask('environment', request, limiter);
    const subjects =
      typeof options.subjects === 'function' ? awaited(options.subjects(request, shown ?? {})) : options.subjects;
    if (
      isPromise(category) ||
      isPromise(cost) ||
      isPromise(plan) ||
      isPromise(region) ||
      isPromise(environment) ||
      isPromise(subjects)
    ) {
      return Promise.all([category, cost, plan, region, environment, subjects]).then(
        ([category, cost, plan, region, environment, subjects]) =>
          checkParts(category, this.#cost(cost), plan, region, environment, subjects),
      );
    }
    return checkParts(category, this.#cost(cost), plan, region, environment, subjects);
  }

  #account(request: Request, parameter: string | undefined): Optional<string> {
    const { account } = this.#options;
    if (account === BY_ADDRESS) return undefined;
    if (typeof account === 'function')
      return askOption((request: Request) => account(request, parameter === '' ? undefined : parameter), request);
    if (parameter === undefined && this.#needsParameter) this.#reportNoParameter();
    return parameter;
  }

  #cost(cost: unknown): number {
    if (cost === undefined && this.#needsCost && typeof this.#options.cost === 'function') this.#reportNoCost();
    if (cost === undefined || cost === null) return 1;
    try {
      return checkInteger('cost', cost, 0, MAX_UNITS);
    } catch (error) {
      throw this.#options.onBadCost === 'error' ? error : new BadCost(error);
    }
  }

  #charge(
    request: Request,
    account: string | null | undefined,
    parts: ChargeParts,
    place: Place | undefined,
    shown: Subjects | undefined,
  ): Charge {
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
      subjects: parts.subjects === undefined ? shown : withShown(parts.subjects, shown),
    } as Charge;
  }

  /** The charges of the answer of the function `charges`. */
  #charges(
    answer: unknown,
    client: ClientFacts,
    parts: ChargeParts,
    place: Place | undefined,
    shown: Subjects | undefined,
  ): readonly Charge[] {
    return severalCharges(answer, {
      client,
      parts,
      shown,
      category: (own) => {
        if (own !== undefined) this.#mounted.namesCategories();
        return own ?? parts.category ?? this.#routeCategory ?? place?.category ?? this.#mounted.withoutCategory();
      },
      counted: (address) => this.#addresses.counted(address),
      cost: (cost) => this.#cost(cost),
    });
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

/** The facts about a client, found out when they are read: not every request needs its address. */
class Client implements ClientFacts {
  readonly #address: () => string;
  readonly parameter: string | undefined;

  constructor(address: () => string, parameter: string | undefined) {
    this.#address = address;
    this.parameter = parameter;
  }

  get address(): string {
    return this.#address();
  }
}

function noted(decision: MaybePromise<Decision>, charges: readonly Charge[]): MaybePromise<Decision> {
  if (!isPromise(decision)) return noteFreeCharge(decision, charges);
  return decision.then((decision) => noteFreeCharge(decision, charges));
}
