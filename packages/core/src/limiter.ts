import type { AccountLayer, AccountSource } from './account-layer.js';
import { AccountSources } from './account-sources.js';
import { checkInteger, checkOptions } from './check.js';
import { Decision, type Identity } from './decision.js';
import { closedError, optionConflictError, optionTypeError } from './errors.js';
import type { Health } from './health.js';
import { LIMITER_EVENTS, type LimiterEvents, type LimiterStats } from './limiter-events.js';
import { Listeners } from './listeners.js';
import { MemoryStore } from './memory-store.js';
import { definePolicy, type Policy, type PolicyOptions } from './policy.js';
import { MAX_UNITS } from './quota.js';
import { Receipt } from './receipt.js';
import type { Limits } from './resolution.js';
import { isPromise, type MaybePromise, type Outcome, type Store } from './store.js';
import { StoreGuard } from './store-guard.js';
import { Suspensions } from './suspensions.js';
import { Trial, TrialTally } from './trial.js';

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
  /**
   * Where the limits of single accounts come from, besides the policy; of several, the first that knows an account. They are
   * waited for as long as the store, `timeoutMs` each, and stay open when the limiter is closed.
   */
  readonly accounts?: AccountSource | readonly AccountSource[];
  /** A policy to try: it decides every charge beside `policy`, on counters of its own, and refuses no one. */
  readonly candidate?: Policy | PolicyOptions;
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

/** Whose counters: one, if a category is named, else all of the account or address. */
export type CounterTarget = Identity & {
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
  readonly #store: Store;
  readonly #ownsStore: boolean;
  readonly #guard: StoreGuard;
  readonly #sources: AccountSources;
  readonly #suspensions: Suspensions;
  readonly #listeners = new Listeners<LimiterEvents>(LIMITER_EVENTS);
  readonly #trialTally = new TrialTally();
  #policy: Policy;
  #trial: Trial | undefined;
  #wouldRefuse = 0;
  #throttlings = 0;
  #passedSuspended = 0;
  #closed = false;

  /**
   * @throws TypeError `TOLLGATE_OPTION_TYPE` when `store` lacks a method of the contract, `localStore` is no
   * `MemoryStore`, or `accounts` no source, `TOLLGATE_OPTION_UNKNOWN` when an option does not exist,
   * `TOLLGATE_OPTION_CONFLICT` when a policy throttles on a store that cannot; RangeError `TOLLGATE_OPTION_RANGE` for a
   * `timeoutMs` out of range; and whatever {@link definePolicy} throws.
   */
  constructor(options: RateLimiterOptions) {
    checkOptions('RateLimiter', options, ['policy', 'store', 'timeoutMs', 'localStore', 'accounts', 'candidate']);
    const { store, localStore, accounts = [] } = options;
    this.#ownsStore = store === undefined;
    this.#store = store === undefined ? new MemoryStore() : checkStore('store', store);
    this.#policy = this.#usable(options.policy);
    const timeoutMs =
      options.timeoutMs === undefined
        ? checkInteger('store.timeoutMs', this.#store.timeoutMs ?? DEFAULT_TIMEOUT_MS, 1, MAX_TIMEOUT_MS)
        : checkInteger('timeoutMs', options.timeoutMs, 1, MAX_TIMEOUT_MS);
    const sources = Array.isArray(accounts) ? accounts : [accounts];
    this.#sources = new AccountSources(sources.map(checkSource), timeoutMs);
    this.#guard = new StoreGuard(
      this.#store,
      timeoutMs,
      {
        decided: (decision) => this.#decided(decision),
        healthChanged: () => this.#tellHealth(),
      },
      localStore && checkLocalStore(localStore),
    );
    this.#trial = this.#trialOf(options.candidate);
    this.#suspensions = new Suspensions(this.#sources, (suspension) => {
      this.#listeners.tell('suspension', suspension);
      this.#tellHealth();
    });
  }

  /** The policy in force. */
  get policy(): Policy {
    return this.#policy;
  }

  /**
   * Charges one request against every quota that applies to it, all or nothing, in one atomic step of the store.
   *
   * A refusal is a decision, not an error. Where limits are observed it lets the request through, and `decision.wouldRefuse`
   * tells. A decision is also what the policy's `onStoreFailure` says when the store fails or has not answered within
   * `timeoutMs`; `decision.source` tells. Rejects or throws only when the limiter or the store is closed, or
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
  reset(target: CounterTarget): MaybePromise<void> {
    return this.#onCounters(target, 'reset');
  }

  /**
   * Forgets the violations of one account and category, or all of the account's, those of its total included, and ends what
   * throttling they have led to. What is used stays used.
   *
   * Rejects with a `StoreError`, `TOLLGATE_STORE_FAILED`, when the store could not do it; this process's own memory of it is
   * forgotten all the same.
   */
  pardon(target: CounterTarget): MaybePromise<void> {
    return this.#onCounters(target, 'pardon');
  }

  /**
   * Has another policy decide from the next charge on; charges under way are decided by the one before. What was admitted
   * still counts: see `docs/policy.md` for what a new window begins with. A policy that cannot be used changes nothing.
   *
   * @throws TypeError `TOLLGATE_OPTION_CONFLICT` when it throttles on a store that cannot; and whatever {@link definePolicy}
   * throws.
   */
  setPolicy(next: Policy | PolicyOptions): void {
    this.#checkOpen();
    this.#policy = this.#usable(next);
    this.#listeners.tell('policy', this.#policy);
  }

  /** Has another candidate tried from the next charge on, or none. A candidate's counters are those of the one before it. */
  setCandidate(next: Policy | PolicyOptions | undefined): void {
    this.#checkOpen();
    this.#trial = this.#trialOf(next);
  }

  /**
   * Lets everyone through from the next charge on, without asking or charging the store, until {@link resume}: for when
   * limiting itself does harm. `health().suspended` shows it, and a warning of the process tells of its begin and end.
   */
  suspend(why: { readonly by?: string; readonly reason?: string } = {}): void {
    this.#checkOpen();
    this.#suspensions.suspend(why);
  }

  /** Ends what {@link suspend} began on this limiter. A suspension by an account source is ended there. */
  resume(): void {
    this.#checkOpen();
    this.#suspensions.resume();
  }

  /** How the limiter gets on with its store, and what it has decided without it. */
  health(): Health {
    const suspended = this.#suspensions.current;
    return { ...this.#guard.describe(), ...(suspended && { suspended }) };
  }

  /** What the limiter has counted since it was made. */
  stats(): LimiterStats {
    return {
      wouldRefuse: this.#wouldRefuse,
      throttlings: this.#throttlings,
      suspended: this.#passedSuspended,
      sourceFailures: this.#sources.failures,
      candidate: this.#trialTally.describe(),
    };
  }

  /**
   * Calls the listener whenever that happens; {@link LimiterEvents} has the events and what each tells. A listener that
   * throws is reported by `process.emitWarning`, and changes nothing.
   */
  on<E extends keyof LimiterEvents>(event: E, listener: (told: LimiterEvents[E]) => unknown): this {
    this.#listeners.on(event, listener);
    return this;
  }

  off<E extends keyof LimiterEvents>(event: E, listener: (told: LimiterEvents[E]) => unknown): this {
    this.#listeners.off(event, listener);
    return this;
  }

  /**
   * Ends the limiter, and its store if it made it; a store that was passed in stays open. Charges that wait for the store
   * are decided without it, and what is still owed to the store is dropped.
   */
  close(): MaybePromise<void> {
    if (this.#closed) return undefined;
    this.#closed = true;
    this.#suspensions.stop();
    this.#guard.close();
    this.#listeners.clear();
    return this.#ownsStore ? this.#store.close() : undefined;
  }

  #ask(method: 'consume' | 'peek', charge: Charge): MaybePromise<Decision> {
    this.#checkOpen();
    if (typeof charge !== 'object' || charge === null) throw optionTypeError('charge', 'an object', charge);
    const { cost = 1 } = charge;
    checkInteger('cost', cost, 0, MAX_UNITS);
    checkCategory(charge.category);
    const account = storedAccount(charge);
    if (this.#suspensions.current !== undefined) return this.#letThrough(method, charge, cost);
    const held = this.#heldFor(charge);
    const policy = this.#policy;
    if (!isPromise(held)) return this.#decide(method, charge, account, cost, policy, held);
    return held.then((held) => {
      this.#checkOpen();
      if (this.#suspensions.current !== undefined) return this.#letThrough(method, charge, cost);
      return this.#decide(method, charge, account, cost, policy, held);
    });
  }

  #decide(
    method: 'consume' | 'peek',
    charge: Charge,
    account: string,
    cost: number,
    policy: Policy,
    held: AccountLayer | undefined,
  ): MaybePromise<Decision> {
    const { category, plan, region, environment } = charge;
    const resolution = policy.resolve(category, charge.account, plan, region, environment, held);
    const decision =
      resolution.counters.length === 0
        ? new Decision(charge, category, cost, resolution, FREE, undefined, 'none')
        : this.#guard[method](charge, account, cost, resolution);
    if (this.#trial !== undefined && method === 'consume') {
      const tried = this.#trial.policy.resolve(category, charge.account, plan, region, environment, held);
      this.#trial.judge(charge, account, cost, tried, decision);
    }
    return decision;
  }

  #letThrough(method: 'consume' | 'peek', charge: Charge, cost: number): Decision {
    if (method === 'consume') this.#passedSuspended++;
    return new Decision(charge, charge.category, cost, NO_LIMITS, FREE, undefined, 'none', 'suspended');
  }

  /** What the sources say of an account. An address is none. */
  #heldFor({ account }: Identity): MaybePromise<AccountLayer | undefined> {
    return account === undefined || this.#sources.isEmpty ? undefined : this.#sources.layerOf(account);
  }

  #onCounters(target: CounterTarget, method: 'reset' | 'pardon'): MaybePromise<void> {
    this.#checkOpen();
    if (typeof target !== 'object' || target === null) throw optionTypeError('target', 'an object', target);
    const account = storedAccount(target);
    const { category, environment } = target;
    if (category === undefined) return this.#guard[method](account);
    checkCategory(category);
    const held = this.#heldFor(target);
    const act = (held: AccountLayer | undefined) => {
      const name = this.#policy.counterName(category, target.account, environment, held);
      const done = this.#guard[method](account, name);
      const tried = this.#trial?.policy.counterName(category, target.account, environment, held);
      const also = tried === undefined ? undefined : this.#guard[method](account, Trial.counterName(tried));
      return isPromise(done) || isPromise(also) ? Promise.all([done, also]).then(() => {}) : undefined;
    };
    return isPromise(held) ? held.then(act) : act(held);
  }

  #decided(decision: Decision): void {
    if (decision.reason === 'admitted') return;
    if (decision.wouldRefuse) {
      this.#wouldRefuse++;
      this.#listeners.tell('wouldRefuse', decision);
    }
    if (decision.beganThrottling) {
      this.#throttlings++;
      this.#listeners.tell('throttled', decision);
    }
  }

  #tellHealth(): void {
    if (this.#listeners.has('health')) this.#listeners.tell('health', this.health());
  }

  #trialOf(candidate: Policy | PolicyOptions | undefined): Trial | undefined {
    if (candidate === undefined) return undefined;
    return new Trial(this.#usable(candidate), this.#guard, this.#trialTally, (comparison) =>
      this.#listeners.tell('candidate', comparison),
    );
  }

  /** The policy, checked; a throttle must not be ignored without a word. */
  #usable(policy: Policy | PolicyOptions): Policy {
    const checked = isPolicy(policy) ? policy : definePolicy(policy);
    if (checked.throttles && typeof this.#store.pardon !== 'function') {
      throw optionConflictError(
        'Expected a store with the method pardon for a policy with `throttle`, got one without',
      );
    }
    return checked;
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

const NO_LIMITS: Limits = { counters: [], quotas: [], mode: 'enforce' };

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
