import { checkInteger, checkOptions, checkString } from '../check.js';
import { optionTypeError } from '../errors.js';
import { MemoryStore } from '../memory/index.js';
import { type AccountSource, definePolicy, type Policy, type PolicyOptions } from '../policy/index.js';
import type { Store } from '../store/index.js';
import { type CheckedUsage, readUsageOptions, type UsageOptions } from '../usage/index.js';

export interface RateLimiterOptions {
  /** What metrics and other subscribers call it, where there are several: at least one character, default `default`. */
  readonly name?: string;
  /** What applies to whom: a policy, or the options of one. */
  readonly policy: Policy | PolicyOptions;
  /** Where counters are kept. Default: a `MemoryStore` of the limiter's own, which `close` closes with it. */
  readonly store?: Store;
  /**
   * How long a decision may wait for the store, in milliseconds: an integer from 1 to 60000. Default: the store's own
   * `timeoutMs`, else 100. It does not concern a store that answers at once.
   */
  readonly timeoutMs?: number;
  /**
   * Where this process counts by itself while the store fails, if the policy says so: for a cap or a clock other than the
   * defaults. It stays open when the limiter is closed. Default: a `MemoryStore`, made when it is first needed.
   */
  readonly localStore?: MemoryStore;
  /**
   * Where the limits of single accounts come from, besides the policy; of several, the first that knows an account. They are
   * waited for as long as the store, `timeoutMs` each, and stay open when the limiter is closed.
   */
  readonly accounts?: AccountSource | readonly AccountSource[];
  /** A policy to try: it decides every charge beside `policy`, on counters of its own, and refuses no one. */
  readonly candidate?: Policy | PolicyOptions;
  /** Counts requests by account, category and minute, for `limiter.usage`. Default: it does not. See `docs/usage.md`. */
  readonly usage?: boolean | UsageOptions;
}

/** What a limiter is made of, checked. */
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
  const { name = 'default', localStore, accounts = [] } = options;
  const store: Store = options.store === undefined ? new MemoryStore() : checkStore('store', options.store);
  const timeoutMs =
    options.timeoutMs === undefined
      ? checkInteger('store.timeoutMs', store.timeoutMs ?? DEFAULT_TIMEOUT_MS, 1, MAX_TIMEOUT_MS)
      : checkInteger('timeoutMs', options.timeoutMs, 1, MAX_TIMEOUT_MS);
  const sources: readonly AccountSource[] = Array.isArray(accounts) ? accounts : [accounts];
  return {
    name: checkString('name', name),
    store,
    ownsStore: options.store === undefined,
    localStore: localStore && checkLocalStore(localStore),
    timeoutMs,
    sources: sources.map(checkSource),
    usage: readUsageOptions(options.usage),
  };
}

/** A policy given as such, or as options. */
export function policyOf(policy: Policy | PolicyOptions): Policy {
  return isPolicy(policy) ? policy : definePolicy(policy);
}

/** Told by what it can do, not by its class: a program may hold two copies of this package. */
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
  if (typeof store?.stats !== 'function') throw optionTypeError('localStore', 'a MemoryStore', store);
  return checkStore('localStore', store);
}

const DEFAULT_TIMEOUT_MS = 100;
const MAX_TIMEOUT_MS = 60_000;
