import { checkInteger, checkOptions, checkString } from '../check.js';
import { optionRangeError, optionTypeError, showName } from '../errors.js';
import { MemoryStore } from '../memory/index.js';
import {
  type AccountSource,
  definePolicy,
  KINDS_OF_NAMES,
  nearestName,
  type Policy,
  type PolicyNames,
  type PolicyOptions,
} from '../policy/index.js';
import { DEFAULT_LIMITER, LIMITER_NAME, type Store } from '../store/index.js';
import { type CheckedUsage, readUsageOptions, type UsageOptions } from '../usage/index.js';
import { warnOnce } from '../warnings.js';

export interface RateLimiterOptions<Names extends PolicyNames = PolicyNames> {
  /**
   * The limiter's name: 1 to 64 characters of `A-Z a-z 0-9 . _ -`, default `default`. It is a part of its counters, so
   * that limiters of several names share a store without sharing counters. Metrics and messages show it.
   */
  readonly name?: string;
  /** Which limits apply to which account: a policy, or the options of one. */
  readonly policy: Policy<Names> | PolicyOptions;
  /** The store of the counters. Default: a new `MemoryStore`, which `close` closes too. */
  readonly store?: Store;
  /**
   * How long a decision may wait for the store, in milliseconds: an integer from 1 to 60000. Default: the store's own
   * `timeoutMs`, else 100. A store that answers at once is not affected.
   */
  readonly timeoutMs?: number;
  /**
   * The store for decisions of this process alone while `store` fails: set it for another cap or clock. It stays open
   * when the limiter is closed. Default: a new `MemoryStore`, made when it is first needed.
   */
  readonly localStore?: MemoryStore;
  /**
   * Sources of the limits of single accounts, beside the policy; among several, the first with a layer for the account
   * wins. A decision waits for each of them for at most `timeoutMs`. They stay open when the limiter is closed.
   */
  readonly accounts?: AccountSource | readonly AccountSource[];
  /** A policy on trial: it decides every charge beside `policy`, on counters of its own, and refuses nothing. */
  readonly candidate?: Policy | PolicyOptions;
  /** Counts requests by account, category and minute, for `limiter.usage`. Default: false. See `docs/usage.md`. */
  readonly usage?: boolean | UsageOptions;
}

/** The checked parts of a limiter. */
export interface LimiterParts {
  readonly name: string;
  readonly store: Store;
  readonly ownsStore: boolean;
  readonly localStore: MemoryStore | undefined;
  readonly timeoutMs: number;
  readonly sources: readonly AccountSource[];
  readonly usage: CheckedUsage | undefined;
}

export function readLimiterOptions(options: RateLimiterOptions): LimiterParts {
  checkOptions('RateLimiter', options, [
    'name',
    'policy',
    'store',
    'timeoutMs',
    'localStore',
    'accounts',
    'candidate',
    'usage',
  ]);
  const { name = DEFAULT_LIMITER, localStore, accounts = [] } = options;
  const store: Store = options.store === undefined ? new MemoryStore() : checkStore('store', options.store);
  const timeoutMs =
    options.timeoutMs === undefined
      ? checkInteger('store.timeoutMs', store.timeoutMs ?? DEFAULT_TIMEOUT_MS, 1, MAX_TIMEOUT_MS)
      : checkInteger('timeoutMs', options.timeoutMs, 1, MAX_TIMEOUT_MS);
  const sources: readonly AccountSource[] = Array.isArray(accounts) ? accounts : [accounts];
  return {
    name: checkName(name),
    store,
    ownsStore: options.store === undefined,
    localStore: localStore && checkLocalStore(localStore),
    timeoutMs,
    sources: sources.map(checkSource),
    usage: readUsageOptions(options.usage),
  };
}

export function policyOf(policy: Policy | PolicyOptions): Policy {
  return isPolicy(policy) ? policy : definePolicy(policy);
}

/** The name is a part of the names of counters, so a character with a meaning there is refused. */
function checkName(name: string): string {
  if (!LIMITER_NAME.test(checkString('name', name))) {
    throw optionRangeError('name', '1 to 64 characters of A-Z a-z 0-9 . _ -', name);
  }
  return name;
}

/** Warns of the limits that layers of the policy remove; see `replace`. */
export function reportRemovedLimits({ removedLimits }: Policy): void {
  for (const { message } of removedLimits.slice(0, MAX_REMOVALS)) warnOnce('TOLLGATE_LIMIT_DROPPED', message);
  const more = removedLimits.length - MAX_REMOVALS;
  if (more > 0) warnOnce('TOLLGATE_LIMIT_DROPPED', `${more} more layers of the policy remove a limit`);
}

/**
 * A candidate may have new names. But a new name that is near one of the policy, which the candidate does not have, is
 * that name misspelt.
 *
 * @throws RangeError for such a name.
 */
export function checkCandidateNames(policy: Policy, candidate: Policy): void {
  for (const { kind, option } of KINDS_OF_NAMES) {
    const names = policy.known[option];
    const next = new Set(candidate.known[option]);
    const gone = names.filter((name) => !next.has(name));
    for (const name of next) {
      if (names.includes(name) || nearestName(name, gone) === undefined) continue;
      policy.checkName(kind, name, `candidate.${option}.${showName(name)}`);
    }
  }
}

/** Duck typing: a program may load two copies of this package. */
function isPolicy(policy: Policy | PolicyOptions): policy is Policy {
  return typeof policy === 'object' && policy !== null && 'resolve' in policy && typeof policy.resolve === 'function';
}

function checkStore<S extends Store>(option: string, store: S): S {
  for (const method of ['consume', 'peek', 'refund', 'reset', 'close'] as const) {
    if (typeof store?.[method] !== 'function') {
      throw optionTypeError(option, `a store with the method ${method}`, store);
    }
  }
  return store;
}

function checkSource(source: AccountSource): AccountSource {
  if (typeof source?.layerOf !== 'function') throw optionTypeError('accounts', 'a source of account layers', source);
  return source;
}

function checkLocalStore(store: MemoryStore): MemoryStore {
  // The limiter uses more of it than the store contract, so a store of another copy of this package would not do.
  if (!(store instanceof MemoryStore)) throw optionTypeError('localStore', 'a MemoryStore', store);
  return store;
}

/** A file may have thousands of layers of accounts. */
const MAX_REMOVALS = 10;
const DEFAULT_TIMEOUT_MS = 100;
const MAX_TIMEOUT_MS = 60_000;
