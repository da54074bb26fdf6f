import { checkInteger, checkOptions } from './check.js';
import { Decision, type Identity } from './decision.js';
import { closedError, optionTypeError } from './errors.js';
import type { Health, HealthListener } from './health.js';
import { MemoryStore } from './memory-store.js';
import { definePolicy, type Policy, type PolicyOptions, type Resolution } from './policy.js';
import { MAX_UNITS } from './quota.js';
import { Receipt } from './receipt.js';
import type { MaybePromise, Outcome, Store } from './store.js';
import { StoreGuard } from './store-guard.js';

export interface RateLimiterOptions {
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
}

/** What decides which quotas apply to a charge, and on whose counters. */
export type Scope = Identity & {
  /** The part of the API. Any non-empty string; one that the policy does not name has its base quotas and its own counter. */
  readonly category: string;
  readonly plan?: string | undefined;
  readonly region?: string | undefined;
  readonly environment?: string | undefined;
};

export type Charge = Scope & {
  /** Units that the request takes: an integer from 0 to 2³¹ − 1, default 1. A cost of 0 is always admitted. */
  readonly cost?: number | undefined;
};

/** Which counters to forget: one, if a category is named, else all of the account or address. */
export type ResetTarget = Identity & {
  readonly category?: string | undefined;
  readonly environment?: string | undefined;
};

/**
 * Decides whether a request may pass: works out which quotas apply to it, charges them, and says how they stand.
 *
 * On a `MemoryStore` every method returns its value at once; on a store that is reached over a network, a promise. `await`
 * is right for both.
 *
 * @example
 * const limiter = new RateLimiter({ policy: { quotas: [perMinute(100)] } });
 * const decision = await limiter.consume({ account: 'ameyo5m', category: 'legs' });
 * if (!decision.allowed) console.log(`again in ${decision.retryAfterMs} ms`);
 */
export class RateLimiter {
  readonly #policy: Policy;
  readonly #store: Store;
  readonly #ownsStore: boolean;
  readonly #guard: StoreGuard;
  #closed = false;

  /**
   * @throws TypeError `TOLLGATE_OPTION_TYPE` when `store` lacks a method of the contract or `localStore` is no
   * `MemoryStore`, `TOLLGATE_OPTION_UNKNOWN` when an option does not exist; RangeError `TOLLGATE_OPTION_RANGE` for a
   * `timeoutMs` out of range; and whatever {@link definePolicy} throws.
   */
  constructor(options: RateLimiterOptions) {
    checkOptions('RateLimiter', options, ['policy', 'store', 'timeoutMs', 'localStore']);
    const { policy, store, localStore } = options;
    this.#policy = isPolicy(policy) ? policy : definePolicy(policy);
    this.#ownsStore = store === undefined;
    this.#store = store === undefined ? new MemoryStore() : checkStore('store', store);
    const timeoutMs =
      options.timeoutMs === undefined
        ? checkInteger('store.timeoutMs', this.#store.timeoutMs ?? DEFAULT_TIMEOUT_MS, 1, MAX_TIMEOUT_MS)
        : checkInteger('timeoutMs', options.timeoutMs, 1, MAX_TIMEOUT_MS);
    this.#guard = new StoreGuard(this.#store, timeoutMs, localStore && checkLocalStore(localStore));
  }

  /**
   * Charges one request against every quota that applies to it, all or nothing, in one atomic step of the store.
   *
   * A refusal is a decision, not an error. So is what the policy's `onStoreFailure` says when the store fails or has not
   * answered within `timeoutMs`; `decision.source` tells. Rejects or throws only when the limiter or the store is closed, or
   * for a charge that makes no sense: TypeError `TOLLGATE_OPTION_TYPE` or RangeError `TOLLGATE_OPTION_RANGE`.
   */
  consume(charge: Charge): MaybePromise<Decision> {
    return this.#ask('consume', charge);
  }

  /** What {@link consume} would decide now, without charging anything: `used` never includes the charge. */
  peek(charge: Charge): MaybePromise<Decision> {
    return this.#ask('peek', charge);
  }

  /**
   * Undoes one charge where it still counts, given `decision.receipt`. Each receipt works once; the value tells whether
   * this call was it. It never creates room that the charge had not taken: what has left its window stays gone, and a
   * counter that was reset since, or charged against a longer window than any before, is left alone.
   *
   * A charge that was decided while the store failed is taken back where it was decided, and is not written back to the
   * store unless that has been done already.
   *
   * Rejects with a `StoreError`, `TOLLGATE_STORE_FAILED`, when the store could not do it; this process's own copy of the
   * charge is taken back all the same, and the receipt is spent.
   *
   * @throws TypeError `TOLLGATE_OPTION_TYPE` when `receipt` is not one that a limiter on this store gave.
   */
  refund(receipt: Receipt): MaybePromise<boolean> {
    this.#checkOpen();
    if (!Receipt.isOf(this.#store, receipt)) {
      throw optionTypeError('receipt', 'a receipt from a decision on the same store', receipt);
    }
    return receipt.spend();
  }

  /**
   * Forgets the counter of one account and category, or every counter of the account, so that it begins anew. Name the
   * `environment` for a counter that the policy keeps apart for it.
   *
   * Rejects with a `StoreError`, `TOLLGATE_STORE_FAILED`, when the store could not do it; what this process counts by itself
   * is forgotten all the same, and so is what it owes the store.
   */
  reset(target: ResetTarget): MaybePromise<void> {
    this.#checkOpen();
    if (typeof target !== 'object' || target === null) throw optionTypeError('target', 'an object', target);
    const account = storedAccount(target);
    if (target.category === undefined) return this.#guard.reset(account);
    checkCategory(target.category);
    return this.#guard.reset(account, this.#policy.counterName(target.category, target.account, target.environment));
  }

  /** How the limiter gets on with its store, and what it has decided without it. */
  health(): Health {
    return this.#guard.describe();
  }

  /**
   * Calls the listener with {@link health} whenever a part of the store goes down or comes back. A listener that throws is
   * reported by `process.emitWarning`, and changes nothing.
   */
  on(event: 'health', listener: HealthListener): this {
    this.#guard.health.on(event, listener);
    return this;
  }

  off(event: 'health', listener: HealthListener): this {
    this.#guard.health.off(event, listener);
    return this;
  }

  /**
   * Ends the limiter, and its store if it made it; a store that was passed in stays open. Charges that wait for the store
   * are decided without it, and what is still owed to the store is dropped.
   */
  close(): MaybePromise<void> {
    if (this.#closed) return undefined;
    this.#closed = true;
    this.#guard.close();
    return this.#ownsStore ? this.#store.close() : undefined;
  }

  #ask(method: 'consume' | 'peek', charge: Charge): MaybePromise<Decision> {
    this.#checkOpen();
    if (typeof charge !== 'object' || charge === null) throw optionTypeError('charge', 'an object', charge);
    const { cost = 1 } = charge;
    checkInteger('cost', cost, 0, MAX_UNITS);
    const account = storedAccount(charge);
    const resolution = this.#resolve(charge);
    if (resolution.counters.length === 0) {
      return new Decision(charge, charge.category, cost, resolution, FREE, undefined, 'none');
    }
    return this.#guard[method](charge, account, cost, resolution);
  }

  #resolve({ category, account, plan, region, environment }: Scope): Resolution {
    checkCategory(category);
    return this.#policy.resolve(category, account, plan, region, environment);
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('RateLimiter');
  }
}

/** The outcome of a charge that no quota applies to. */
const FREE: Outcome = {
  allowed: true,
  now: 0,
  used: [],
  resetAfterMs: [],
  retryAfterMs: 0,
  token: undefined,
};

/**
 * The name under which a store keeps the counters of an account or an address. An address is marked by `@:`, and an
 * account that begins with `@` has it doubled, so that no account id can enter the name space of the addresses.
 */
function storedAccount({ account, address }: Identity): string {
  if (typeof account === 'string') return account.charCodeAt(0) === AT_SIGN ? `@${account}` : account;
  if (typeof address !== 'string') throw optionTypeError('account', 'a string', account);
  return `@:${address}`;
}

const AT_SIGN = 64;

/** Told by what it can do, not by its class: a program may hold two copies of this package. */
function isPolicy(policy: Policy | PolicyOptions): policy is Policy {
  return typeof policy === 'object' && policy !== null && 'resolve' in policy && typeof policy.resolve === 'function';
}

function checkCategory(category: unknown): void {
  if (typeof category !== 'string' || category === '') {
    throw optionTypeError('category', 'a string of at least one character', category);
  }
}

function checkStore<S extends Store>(option: string, store: S): S {
  for (const method of ['consume', 'peek', 'refund', 'reset', 'close'] as const) {
    if (typeof store?.[method] !== 'function') {
      throw optionTypeError(option, `a store with the method ${method}`, store);
    }
  }
  return store;
}

function checkLocalStore(store: MemoryStore): MemoryStore {
  if (typeof store?.stats !== 'function') throw optionTypeError('localStore', 'a MemoryStore', store);
  return checkStore('localStore', store);
}

const DEFAULT_TIMEOUT_MS = 100;
const MAX_TIMEOUT_MS = 60_000;
