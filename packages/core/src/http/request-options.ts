import { checkFunction, checkInteger, checkOneOf, checkOptions, checkString } from '../check.js';
import { type Decision, MAX_SUBJECTS, type Subjects } from '../decision/index.js';
import { noAccountError, optionConflictError, optionRangeError, optionTypeError, showName } from '../errors.js';
import { RateLimiter } from '../limiter/index.js';
import { KINDS_OF_NAMES, type Policy, type PolicyNames, type PolicyOptions } from '../policy/index.js';
import type { MaybePromise } from '../promises.js';
import { MAX_UNITS, Quota, type QuotaOptions, type Store } from '../store/index.js';
import { DEFAULT_IPV6_PREFIX, LONGEST_IPV6_PREFIX } from './address.js';
import { BLOCKED_STATUSES } from './answers.js';
import { HEADER_FORMATS, type HeaderChoice, type HeaderFormat } from './headers.js';
import type { RefusalHook } from './refusal-hook.js';

/** The answer of a user's function: a value, or nothing, at once or later. */
export type Optional<T> = MaybePromise<T | null | undefined>;

/**
 * Whom a request is counted for: the name of a route parameter; a function; or `'address'`, for the client's address.
 * A function gets the route's `account_sid`, or what `paths` finds, as its second argument, and has the last word. A
 * request without that parameter, or for which the function declines, is counted by the client's address.
 */
export type AccountOption<Request> = string | ((request: Request, parameter: string | undefined) => Optional<string>);

/** The ids of subjects by kind, as a function returns them. An id that is nothing, or empty, names no subject. */
export type NamedSubjects<Names extends PolicyNames = PolicyNames> = Readonly<
  Partial<Record<Names['subject'], string | null | undefined>>
>;

/**
 * The subjects that a request names within its account: the same for all requests, or by a function. A function gets
 * those that `paths` finds as its second argument. Of a kind that it does not name, these stay.
 */
export type SubjectsOption<Request, Names extends PolicyNames = PolicyNames> =
  | Readonly<Partial<Record<Names['subject'], string>>>
  | ((request: Request, shown: Subjects) => Optional<NamedSubjects<Names>>);

/**
 * One of several charges of a request, by its account or its address; without either it is by the client's address.
 * What it leaves out comes from the options beside it: also the subjects, if it has an account.
 */
export type ChargeEntry<Names extends PolicyNames = PolicyNames> = (
  | { readonly account: string | null | undefined; readonly address?: undefined }
  | { readonly account?: undefined; readonly address: string | null | undefined }
) & {
  readonly category?: Names['category'] | undefined;
  readonly cost?: number | undefined;
  readonly plan?: Names['plan'] | undefined;
  readonly region?: Names['region'] | undefined;
  readonly environment?: Names['environment'] | undefined;
  readonly subjects?: NamedSubjects<Names> | undefined;
};

/** What the adapter finds out about a client, for the function `charges`. */
export interface ClientFacts {
  /**
   * The address by which the client is counted: an IPv6 subnet, or an IPv4 address.
   *
   * @throws Error `TOLLGATE_NO_ADDRESS` without one.
   */
  readonly address: string;
  /** The route's `account_sid`, or the account that `paths` finds. */
  readonly parameter: string | undefined;
}

/** The charges of a request, 1 to 8: all of them fit, or none is counted. Declined: one, by the client's address. */
export type ChargesOption<Request, Names extends PolicyNames = PolicyNames> = (
  request: Request,
  client: ClientFacts,
) => Optional<readonly ChargeEntry<Names>[]>;

/** How the paths of an API show account, category and subjects. `legsApi()` brings those of the Legs API. */
export interface Paths {
  /**
   * What the path of a request shows. It is the path by which the host routes, with its mounts. `kinds` are the kinds
   * of subjects that the policy or its candidate has; others need not be read.
   */
  readonly read: (
    path: string,
    kinds: ReadonlySet<string>,
  ) => { readonly account: string | undefined; readonly category: string; readonly subjects?: Subjects | undefined };
  /**
   * What the pattern of a route shows for all of its requests: the parameter with the account, the category, and by
   * kind the parameters with subjects. `undefined` where only the path of each request shows it; without `subjects`,
   * each path is read for these. A host that has patterns asks once for each route.
   */
  readonly readRoute?: (
    pattern: string,
  ) => { readonly parameter: string; readonly category: string; readonly subjects?: Subjects | undefined } | undefined;
}

/**
 * How a charge is read from a request. Every function may be async, and may decline with `undefined`, `null` or an
 * empty string.
 */
export interface ChargeOptions<Request, Names extends PolicyNames = PolicyNames> {
  /** The account; see {@link AccountOption}. */
  readonly account?: AccountOption<Request>;
  /** Several charges in place of the one by `account`; see {@link ChargesOption}. */
  readonly charges?: ChargesOption<Request, Names>;
  /** What has limits of its own within the account: a key, a leg; see {@link SubjectsOption}. */
  readonly subjects?: SubjectsOption<Request, Names>;
  /** The part of the API. Declined: by `paths`, else `other`. */
  readonly category?: Names['category'] | ((request: Request) => Optional<string>);
  /** Units that the request takes: an integer from 0 to 2³¹ − 1, default 1. */
  readonly cost?: number | ((request: Request) => Optional<number>);
  /** The account's plan, for the policy's `plans`. */
  readonly plan?: Names['plan'] | ((request: Request) => Optional<string>);
  /** The region, for the policy's `regions`; a constant where the deployment has one region. */
  readonly region?: Names['region'] | ((request: Request) => Optional<string>);
  /** The environment, for the policy's `environments`. */
  readonly environment?: Names['environment'] | ((request: Request) => Optional<string>);
  /**
   * What a failure of the function `plan`, `region` or `environment` does: `'fallback'` (the default) decides the
   * request without its answer, counts it in `limiter.stats()` and reports it once; `'error'` fails the request. The
   * other functions decide who is charged and how much, so that their failures always fail the request.
   */
  readonly onFunctionFailure?: 'fallback' | 'error';
  /** Skips a request: it is not charged and gets no headers. */
  readonly skip?: (request: Request) => Optional<boolean>;
  /**
   * Refunds the charge when the response has finished with such a status: `(status) => status >= 500` refunds the
   * service's own failures. The request is charged first, so there is no race. It is not asked about a client that left
   * before; see `costWhenAborted`.
   */
  readonly refundWhen?: (statusCode: number, request: Request) => Optional<boolean>;
  /**
   * The real cost of the request, known when its response has finished: an integer from 0 to 2³¹ − 1. The charge is
   * settled to it: a lower cost takes the difference back, a higher one counts it without asking. Declined: the charge
   * stays. Not asked when `refundWhen` returns true, nor about a client that left before; see `costWhenAborted`.
   */
  readonly costAfter?: (request: Request, statusCode: number) => Optional<number>;
  /**
   * As `costAfter`, when the client has left before the response had finished, so that there is no status. It is asked
   * at that moment, when the handler may still be at work. Without it such a request keeps its charge, since a client
   * could otherwise make itself free by leaving early.
   */
  readonly costWhenAborted?: (request: Request) => Optional<number>;
}

/** The options that both adapters share; `Request` and `Response` are the framework's own, `Names` the policy's. */
export type HttpOptions<Request, Response, Names extends PolicyNames = PolicyNames> = MountOptions<
  Request,
  Response,
  Names
> &
  (AtLeast<'account', Parties<Request, Names>> | AtLeast<'charges', Parties<Request, Names>>);

type AtLeast<Key extends keyof T, T> = Pick<T, Key> & Partial<T>;

/** Whom a request is counted for. Exactly one of them is required, so that nobody is counted by a guess. */
interface Parties<Request, Names extends PolicyNames> {
  /** Whom a request is counted for; see {@link AccountOption}. */
  readonly account: AccountOption<Request>;
  /** Several charges in place of the one by `account`; see {@link ChargesOption}. */
  readonly charges: ChargesOption<Request, Names>;
}

interface MountOptions<Request, Response, Names extends PolicyNames>
  extends Omit<ChargeOptions<Request, Names>, 'account' | 'charges'> {
  /** How paths show account, category and subjects. */
  readonly paths?: Paths;
  /**
   * The leading bits of an IPv6 address that are counted as one client: an integer from 32 to 64, default 56, or
   * `false` for all of them.
   */
  readonly ipv6Prefix?: number | false;
  /** Which limits apply to which account. Either this, or a `limiter`, which has a policy already. */
  readonly policy?: Policy<Names> | PolicyOptions;
  /** The store of the counters; goes with `policy`. Default: the memory of this process. */
  readonly store?: Store;
  /** The limiter's name in metrics; goes with `policy`. Default: `default`. */
  readonly name?: string;
  /** An existing limiter, to share its limits between mounts, or to call `peek`, `refund` and `reset` elsewhere. */
  readonly limiter?: RateLimiter<Names>;
  /**
   * The headers that show clients the state of their limits: default `'x-ratelimit'`. A function chooses for each
   * request.
   */
  readonly headers?: HeaderFormat | HeaderChoice<Request>;
  /** `error.code` of the refusal's envelope: default `RATE_LIMIT_EXCEEDED`. */
  readonly code?: string;
  /** `error.message` of the refusal's envelope. */
  readonly message?: string;
  /**
   * The status for a request whose account, subject or address the policy blocks: 429 by default, with the envelope of
   * every refusal; or 403, with the code `BLOCKED`. Neither has `Retry-After`.
   */
  readonly blockedStatus?: (typeof BLOCKED_STATUSES)[number];
  /**
   * At most so many refunds for each account or address in a rolling window, so that a client cannot make itself free
   * by requests that fail. A refund is a request that costs 0 in the end, by whichever function. All routes of the
   * limiter's mount share the refunds. Counted by this process. Default: no limit.
   */
  readonly refundAtMost?: QuotaOptions;
  /**
   * The answer to a request for which the function `cost` returns no integer from 0 to 2³¹ − 1: by default 400, since
   * such a cost comes from the client. `'error'` passes an error to the app.
   */
  readonly onBadCost?: (typeof ON_BAD_COST)[number];
  /** Replaces the answer to a refused request; the rate-limit headers and `Retry-After` are set before. */
  readonly onLimited?: (request: Request, response: Response, decision: Decision) => unknown;
  /**
   * Replaces the answer to a request that the policy's `'deny'` refuses while the store fails; the status 503 and
   * `Retry-After` are set before.
   */
  readonly onUnavailable?: (request: Request, response: Response, decision: Decision) => unknown;
  /**
   * Called for every request that is refused, or would be by limits that are only observed: for a log, say. It does not
   * answer the request, and its errors change nothing. `decision.wouldRefuse` distinguishes the two cases.
   */
  readonly onRefused?: RefusalHook<Request>;
}

const ON_BAD_COST = ['bad-request', 'error'] as const;

/** The functions that return what a request has cost in the end. */
export const CORRECTING_OPTIONS = ['refundWhen', 'costAfter', 'costWhenAborted'] as const;

export const CHARGE_OPTIONS: readonly string[] = [
  'account',
  'charges',
  'subjects',
  'category',
  'cost',
  'plan',
  'region',
  'environment',
  'onFunctionFailure',
  'skip',
  ...CORRECTING_OPTIONS,
];

const HTTP_OPTIONS: readonly string[] = [
  ...CHARGE_OPTIONS,
  'paths',
  'ipv6Prefix',
  'policy',
  'store',
  'name',
  'limiter',
  'headers',
  'code',
  'message',
  'blockedStatus',
  'refundAtMost',
  'onBadCost',
  'onLimited',
  'onUnavailable',
  'onRefused',
];

/** Refuses invalid and unknown options; `more` names the options of one adapter alone. */
export function checkHttpOptions(path: string, options: object, more: readonly string[] = []): void {
  checkNotMisused(path, options);
  const checked = checkOptions(path, options, [...HTTP_OPTIONS, ...more]);
  if ((checked['account'] ?? checked['charges']) === undefined) throw noAccountError(`${path}.account`);
  checkChargeOptions(path, checked);
  if (checked['paths'] !== undefined) checkPaths(`${path}.paths`, checked['paths']);
  const ipv6Prefix = checked['ipv6Prefix'];
  if (ipv6Prefix !== undefined && ipv6Prefix !== false)
    checkInteger(`${path}.ipv6Prefix`, ipv6Prefix, 32, LONGEST_IPV6_PREFIX);
  for (const name of ['onLimited', 'onUnavailable', 'onRefused']) {
    if (checked[name] !== undefined) checkFunction(`${path}.${name}`, checked[name]);
  }
  for (const name of ['code', 'message', 'name']) {
    if (checked[name] !== undefined) checkString(`${path}.${name}`, checked[name]);
  }
  const { headers, blockedStatus, refundAtMost, onBadCost } = checked;
  if (headers !== undefined && typeof headers !== 'function') checkOneOf(`${path}.headers`, headers, HEADER_FORMATS);
  if (blockedStatus !== undefined) checkOneOf(`${path}.blockedStatus`, blockedStatus, BLOCKED_STATUSES);
  if (onBadCost !== undefined) checkOneOf(`${path}.onBadCost`, onBadCost, ON_BAD_COST);
  if (refundAtMost !== undefined) new Quota(refundAtMost as QuotaOptions, `${path}.refundAtMost`);
}

/**
 * Refuses `refundAtMost` where nothing can be refunded.
 *
 * @throws TypeError `TOLLGATE_OPTION_CONFLICT`.
 */
export function checkRefundAtMost(options: Pick<HttpOptions<never, never>, 'refundAtMost'>, canRefund: boolean): void {
  if (options.refundAtMost === undefined || canRefund) return;
  const functions = 'Expected `refundWhen` beside `refundAtMost`, or `costAfter` or `costWhenAborted`';
  throw optionConflictError(`${functions}, got none: nothing would be refunded`);
}

/** The usual mistakes of a first try get a message with the line to write. */
function checkNotMisused(path: string, options: unknown): void {
  if (typeof options !== 'object' || options === null) return;
  const { resolve, consume, url, headers } = options as Readonly<Record<string, unknown>>;
  if (typeof resolve === 'function') {
    throw optionTypeError(path, `an object of options: write ${path}({ policy })`, options);
  }
  if (typeof consume === 'function') {
    throw optionTypeError(path, `an object of options: write ${path}({ limiter })`, options);
  }
  if (typeof url === 'string' && typeof headers === 'object') {
    throw optionTypeError(
      path,
      `an object of options: mount the result of ${path}({ … }), not ${path} itself`,
      options,
    );
  }
}

function checkPaths(path: string, paths: unknown): void {
  const { read, readRoute } = checkOptions(path, paths, ['read', 'readRoute']);
  checkFunction(`${path}.read`, read);
  if (readRoute !== undefined) checkFunction(`${path}.readRoute`, readRoute);
}

export function checkChargeOptions(path: string, options: Readonly<Record<string, unknown>>): void {
  for (const name of ['skip', 'charges', ...CORRECTING_OPTIONS]) {
    if (options[name] !== undefined) checkFunction(`${path}.${name}`, options[name]);
  }
  if (options['account'] !== undefined && options['charges'] !== undefined) {
    throw optionConflictError(
      `Expected either \`${path}.account\` or \`${path}.charges\`, got both: each charge has an account or address of its own`,
    );
  }
  checkConstantSubjects(`${path}.subjects`, options['subjects']);
  for (const name of ['account', 'category', 'plan', 'region', 'environment']) {
    const option = options[name];
    if (option === undefined || typeof option === 'function') continue;
    if (typeof option !== 'string') throw optionTypeError(`${path}.${name}`, 'a string or a function', option);
    checkString(`${path}.${name}`, option);
  }
  const { onFunctionFailure } = options as ChargeOptions<never>;
  if (onFunctionFailure !== undefined) {
    checkOneOf(`${path}.onFunctionFailure`, onFunctionFailure, ['fallback', 'error'] as const);
  }
  const cost = options['cost'];
  if (cost === undefined || typeof cost === 'function') return;
  if (typeof cost !== 'number') throw optionTypeError(`${path}.cost`, 'a number or a function', cost);
  checkInteger(`${path}.cost`, cost, 0, MAX_UNITS);
}

function checkConstantSubjects(path: string, subjects: unknown): void {
  if (subjects === undefined || typeof subjects === 'function') return;
  if (typeof subjects !== 'object') throw optionTypeError(path, 'an object or a function', subjects);
  const entries = Object.entries(checkOptions(path, subjects));
  if (entries.length === 0 || entries.length > MAX_SUBJECTS) {
    throw optionRangeError(path, `an object with 1 to ${MAX_SUBJECTS} subjects`, entries.length);
  }
  for (const [kind, id] of entries) checkString(`${path}.${showName(kind)}`, id);
}

/**
 * Refuses constant names that the limiter's policy does not have. The answers of functions are reported instead.
 *
 * @throws RangeError `TOLLGATE_OPTION_RANGE` for such a name.
 */
export function checkNames(path: string, options: ChargeOptions<never>, { policy }: RateLimiter): void {
  for (const { kind } of KINDS_OF_NAMES) {
    // The kinds of a charge's subjects are the keys of an object.
    const name = kind === 'subject' ? undefined : options[kind];
    if (typeof name === 'string') policy.checkName(kind, name, `${path}.${kind}`);
  }
  const { subjects } = options;
  if (typeof subjects !== 'object') return;
  for (const kind of Object.keys(subjects)) policy.checkName('subject', kind, `${path}.subjects.${showName(kind)}`);
}

/**
 * Refuses `charges` on a store that takes the charges of one account at a time.
 *
 * @throws TypeError `TOLLGATE_OPTION_CONFLICT`.
 */
export function checkCharges(path: string, { charges }: ChargeOptions<never>, { store }: RateLimiter): void {
  if (charges === undefined || store.joinsAccounts) return;
  throw optionConflictError(`Expected a store with joinsAccounts beside \`${path}.charges\`, got one without`);
}

/**
 * Refuses an `ipv6Prefix` that leaves less of an address than a range of the policy has: nobody would be in the range.
 *
 * @throws RangeError `TOLLGATE_OPTION_RANGE`.
 */
export function checkIpv6Prefix(
  path: string,
  { ipv6Prefix = DEFAULT_IPV6_PREFIX }: Pick<HttpOptions<never, never>, 'ipv6Prefix'>,
  { policy }: RateLimiter,
): void {
  const { longestIpv6Prefix: longest = 0 } = policy;
  if (ipv6Prefix === false || ipv6Prefix >= longest) return;
  const rule = longest > LONGEST_IPV6_PREFIX ? 'false' : `at least ${longest}, or false`;
  const why = `\`policy.addresses\` has a range with the prefix ${longest}, and no client is in it otherwise`;
  throw optionRangeError(`${path}.ipv6Prefix`, rule, ipv6Prefix, why);
}

/** The limiter in the options, or a new one for their policy. */
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
