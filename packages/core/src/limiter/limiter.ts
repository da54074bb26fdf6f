import { checkOptions, checkString } from '../check.js';
import {
  type Charge,
  type CounterTarget,
  checkCategory,
  checkCharge,
  Decision,
  FREE,
  type Identity,
  NO_LIMITS,
  Receipt,
  storedAccount,
} from '../decision/index.js';
import { closedError, optionConflictError, optionTypeError } from '../errors.js';
import { Listeners } from '../listeners.js';
import { LIMITER_EVENTS, LimiterChannels, type LimiterEvents, type LimiterStats } from '../observe/index.js';
import { type Health, StoreGuard } from '../outage/index.js';
import {
  type AccountLayer,
  AccountSources,
  type Policy,
  type PolicyOptions,
  type Resolution,
} from '../policy/index.js';
import { isPromise, type MaybePromise } from '../promises.js';
import type { Store } from '../store/index.js';
import { Usage, type UsageQuestion, type UsageReport } from '../usage/index.js';
import { Trial, TrialTally } from './candidate.js';
import { policyOf, type RateLimiterOptions, readLimiterOptions } from './limiter-options.js';
import { Suspensions } from './suspension.js';

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
  /** What the option `name` said. */
  readonly name: string;
  readonly #store: Store;
  readonly #ownsStore: boolean;
  readonly #canThrottle: boolean;
  readonly #guard: StoreGuard;
  readonly #sources: AccountSources;
  readonly #suspensions: Suspensions;
  readonly #listeners = new Listeners<LimiterEvents>(LIMITER_EVENTS);
  readonly #channels = new LimiterChannels(this);
  readonly #trialTally = new TrialTally();
  #policy: Policy;
  #trial: Trial | undefined;
  #usage: Usage | undefined;
  #wouldRefuse = 0;
  #throttlings = 0;
  #passedSuspended = 0;
  #warned = false;
  #closed = false;

  /**
   * @throws TypeError `TOLLGATE_OPTION_TYPE` when `store` lacks a method of the contract, `localStore` is no
   * `MemoryStore`, or `accounts` no source, `TOLLGATE_OPTION_UNKNOWN` when an option does not exist,
   * `TOLLGATE_OPTION_CONFLICT` when a policy throttles on a store that cannot; RangeError `TOLLGATE_OPTION_RANGE` for a
   * `timeoutMs` out of range; and whatever {@link definePolicy} throws.
   */
  constructor(options: RateLimiterOptions) {
    const { name, store, ownsStore, localStore, timeoutMs, sources, usage } = readLimiterOptions(options);
    this.name = name;
    this.#store = store;
    this.#ownsStore = ownsStore;
    this.#canThrottle = typeof store.pardon === 'function';
    this.#policy = this.#usable(options.policy);
    this.#sources = new AccountSources(sources, timeoutMs);
    const follower = {
      decided: (decision: Decision, slot?: number) => this.#decided(decision, slot),
      healthChanged: () => {
        this.#channels.storeChanged(this.#guard.health);
        this.#tellHealth();
      },
      calls: this.#channels,
    };
    this.#guard = new StoreGuard(store, timeoutMs, follower, localStore);
    this.#trial = this.#trialOf(options.candidate);
    this.#usage = usage && new Usage(usage, store);
    this.#suspensions = new Suspensions(this.#sources, (suspension) => {
      this.#listeners.tell('suspension', suspension);
      this.#channels.suspensionChanged(suspension);
      this.#tellHealth();
    });
    this.#channels.made();
  }

  /** Where the counters are kept. */
  get store(): Store {
    return this.#store;
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
    const previous = this.#policy;
    this.#policy = this.#usable(next);
    this.#channels.policyChanged(this.#policy, previous);
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
   *
   * @throws TypeError or RangeError unless `by` and `reason` are left out or strings of at least one character, and there
   * is nothing else.
   */
  suspend(why: { readonly by?: string; readonly reason?: string } = {}): void {
    this.#checkOpen();
    const { by, reason } = checkOptions('suspension', why, ['by', 'reason']);
    this.#suspensions.suspend({
      ...(by !== undefined && { by: checkString('by', by) }),
      ...(reason !== undefined && { reason: checkString('reason', reason) }),
    });
  }

  /** Ends what {@link suspend} began on this limiter. A suspension by an account source is ended there. */
  resume(): void {
    this.#checkOpen();
    this.#suspensions.resume();
  }

  /**
   * What an account or an address has asked for: totals, by category, the busiest minute, when, and what limit would do. What
   * this process has counted is brought to the usage store first, and what other processes have counted in the last seconds
   * may still be missing. Unlike other methods it always returns a promise.
   *
   * Rejects with a TypeError `TOLLGATE_OPTION_CONFLICT` unless the limiter counts `usage`, a TypeError or RangeError for a
   * question that makes no sense, and with what the usage store rejects with.
   *
   * @example
   * const limiter = new RateLimiter({ policy, store, usage: true });
   * const { totals, categories } = await limiter.usage({ account: 'ameyo5m', from: Date.now() - 7 * 86_400_000 });
   */
  async usage(question: UsageQuestion): Promise<UsageReport> {
    this.#checkOpen();
    if (this.#usage === undefined) {
      throw optionConflictError('Expected a limiter with the option `usage`, got one that counts none');
    }
    return this.#usage.report(question);
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
      policyVersion: this.#channels.policyVersion,
      candidate: this.#trialTally.describe(),
      usage: this.#usage?.stats(),
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
   * are decided without it, and what is still owed to the store is dropped. With `usage`, the value is a promise: what was
   * counted is brought to the usage store first, for which it waits five seconds at most.
   */
  close(): MaybePromise<void> {
    if (this.#closed) return undefined;
    this.#closed = true;
    this.#channels.closed();
    this.#suspensions.stop();
    this.#guard.close();
    this.#listeners.clear();
    const closeStore = () => (this.#ownsStore ? this.#store.close() : undefined);
    return this.#usage === undefined ? closeStore() : this.#usage.close().then(closeStore);
  }

  #ask(method: 'consume' | 'peek', charge: Charge): MaybePromise<Decision> {
    this.#checkOpen();
    const cost = checkCharge(charge);
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
    if (!this.#canThrottle) this.#warnOfThrottle(resolution);
    const decision =
      resolution.counters.length === 0
        ? this.#unlimited(method, new Decision(charge, category, cost, resolution, FREE, undefined, 'none'))
        : method === 'consume'
          ? this.#guard.consume(charge, account, cost, resolution)
          : this.#guard.peek(charge, account, cost, resolution);
    if (this.#trial !== undefined && method === 'consume') {
      const tried = this.#trial.policy.resolve(category, charge.account, plan, region, environment, held);
      this.#trial.judge(charge, account, cost, tried, decision);
    }
    return decision;
  }

  #letThrough(method: 'consume' | 'peek', charge: Charge, cost: number): Decision {
    if (method === 'consume') this.#passedSuspended++;
    const { category } = charge;
    return this.#unlimited(
      method,
      new Decision(charge, category, cost, NO_LIMITS, FREE, undefined, 'none', 'suspended'),
    );
  }

  /** A decision that no store makes. */
  #unlimited(method: 'consume' | 'peek', decision: Decision): Decision {
    if (method === 'consume') this.#decided(decision);
    return decision;
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

  #decided(decision: Decision, slot?: number): void {
    // Before anyone is told: whoever resets or charges another account then may have its counter take the slot.
    if (this.#usage !== undefined) this.#usage.record(decision, slot);
    this.#channels.decided(decision);
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
    const checked = policyOf(policy);
    if (checked.throttles && !this.#canThrottle) {
      throw optionConflictError(
        'Expected a store with the method pardon for a policy with `throttle`, got one without',
      );
    }
    return checked;
  }

  /** A policy that throttles was refused, so this is of a source; its account must not lose its other limits for it. */
  #warnOfThrottle({ counters }: Resolution): void {
    if (this.#warned || counters.every(({ throttle }) => throttle === undefined)) return;
    this.#warned = true;
    process.emitWarning(
      'A source of account layers says `throttle`, which the store passes over: it has no method pardon',
    );
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('RateLimiter');
  }
}
