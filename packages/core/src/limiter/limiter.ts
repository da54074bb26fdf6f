import { checkOptions, checkString } from '../check.js';
import {
  type Charge,
  type CounterTarget,
  checkCategory,
  Decision,
  FieldCheck,
  FREE,
  type Identity,
  ownerOf,
  type PreparedCharge,
  prepareCharge,
  RateLimitError,
  Receipt,
} from '../decision/index.js';
import { closedError, optionConflictError, optionTypeError } from '../errors.js';
import { type LimiterEvents, type LimiterStats, Publisher } from '../observe/index.js';
import { type Health, StoreGuard } from '../outage/index.js';
import {
  type AccountLayer,
  AccountSources,
  NO_LIMITS,
  type Policy,
  type PolicyOptions,
  type Resolution,
} from '../policy/index.js';
import { isPromise, type MaybePromise } from '../promises.js';
import type { Store } from '../store/index.js';
import { Usage, type UsageQuestion, type UsageReport } from '../usage/index.js';
import { warn } from '../warnings.js';
import { Trial, TrialTally, trialName } from './candidate.js';
import { policyOf, type RateLimiterOptions, readLimiterOptions } from './limiter-options.js';
import { noteMade } from './made-per-request.js';
import { Suspensions } from './suspension.js';

/**
 * Decides whether a request may pass: finds the quotas that apply to it, charges them, and returns their state.
 *
 * On a `MemoryStore` every method returns its value at once; on a store behind a network, a promise. `await` works for
 * both.
 *
 * @example
 * const limiter = new RateLimiter({ policy: { quotas: [perMinute(100)] } });
 * const decision = await limiter.consume({ account: 'ameyo5m', category: 'legs' });
 * if (!decision.allowed) console.log(`again in ${decision.retryAfterMs} ms`);
 */
export class RateLimiter {
  /** The option `name`. */
  readonly name: string;
  readonly #store: Store;
  readonly #ownsStore: boolean;
  readonly #canThrottle: boolean;
  readonly #guard: StoreGuard;
  readonly #sources: AccountSources;
  /** Whether no account has a source to ask. */
  readonly #hasNoSources: boolean;
  readonly #suspensions: Suspensions;
  readonly #publisher: Publisher;
  readonly #fields = new FieldCheck();
  readonly #trialTally = new TrialTally();
  readonly #usage: Usage | undefined;
  #policy: Policy;
  #trial: Trial | undefined;
  #passedSuspended = 0;
  #warned = false;
  #closed = false;

  /**
   * @throws TypeError `TOLLGATE_OPTION_TYPE` when `store` lacks a method of the contract, `localStore` is no
   * `MemoryStore`, or `accounts` no source, `TOLLGATE_OPTION_UNKNOWN` when an option does not exist,
   * `TOLLGATE_OPTION_CONFLICT` when a policy throttles on a store that cannot; RangeError `TOLLGATE_OPTION_RANGE` for a
   * `timeoutMs` out of range; and the errors of {@link definePolicy}.
   */
  constructor(options: RateLimiterOptions) {
    const { name, store, ownsStore, localStore, timeoutMs, sources, usage } = readLimiterOptions(options);
    this.name = name;
    this.#store = store;
    this.#ownsStore = ownsStore;
    this.#canThrottle = typeof store.pardon === 'function';
    this.#policy = this.#usable(options.policy);
    this.#sources = new AccountSources(sources, timeoutMs);
    this.#hasNoSources = this.#sources.isEmpty;
    const candidate = options.candidate && this.#usable(options.candidate);
    this.#usage = usage && new Usage(usage, store);
    this.#publisher = new Publisher(this, this.#usage);
    this.#guard = new StoreGuard(store, timeoutMs, this.#publisher, localStore);
    this.#trial = candidate && this.#trialOf(candidate);
    this.#suspensions = new Suspensions(this.#sources, (suspension) => this.#publisher.suspensionChanged(suspension));
    this.#suspensions.start();
    this.#publisher.made();
    noteMade(name);
  }

  /**
   * Charges one request against every quota that applies to it, all or nothing, in one atomic step of the store.
   *
   * A refusal is a decision, not an error. Observed limits let the request pass and set `decision.wouldRefuse`. When
   * the store fails, or has not answered within `timeoutMs`, the policy's `onStoreFailure` decides, and
   * `decision.source` shows it. Rejects or throws only when the limiter or the store is closed, or for an invalid
   * charge: TypeError `TOLLGATE_OPTION_TYPE` or `TOLLGATE_OPTION_UNKNOWN`, or RangeError `TOLLGATE_OPTION_RANGE`.
   */
  consume(charge: Charge): MaybePromise<Decision> {
    return this.#ask('consume', charge);
  }

  /**
   * As {@link consume}, but a refusal is a `RateLimitError`, thrown or as a rejection: for a program that would
   * otherwise have to check `decision.allowed` after every charge.
   */
  consumeOrThrow(charge: Charge): MaybePromise<Decision> {
    const decision = this.consume(charge);
    return isPromise(decision) ? decision.then(admittedOnly) : admittedOnly(decision);
  }

  /** The decision that {@link consume} would make now, without charging: `used` never includes the cost. */
  peek(charge: Charge): MaybePromise<Decision> {
    return this.#ask('peek', charge);
  }

  /**
   * Takes back one charge where it still counts, given `decision.receipt`. Each receipt works once; the result is
   * whether this call was the one. A refund never creates room that the charge had not taken: a window that the charge
   * has left stays as it is, and so does a counter that was reset since, or charged against a longer window than any
   * before.
   *
   * A charge that was decided while the store failed is taken back where it was decided. It is not written back to the
   * store, unless that has happened already.
   *
   * Rejects with a `StoreError`, `TOLLGATE_STORE_FAILED`, when the store could not do it; this process's own copy of
   * the charge is taken back all the same, and the receipt is spent.
   *
   * @throws TypeError `TOLLGATE_OPTION_TYPE` when `receipt` is not one from a limiter on this store.
   */
  refund(receipt: Receipt): MaybePromise<boolean> {
    this.#checkOpen();
    if (!Receipt.isOf(this.#store, receipt)) {
      throw optionTypeError('receipt', 'a receipt from a decision on the same store', receipt);
    }
    return receipt.spend();
  }

  /**
   * Forgets the counter of one account and category, or every counter of the account. Pass the `environment` for a
   * counter that the policy keeps apart for it.
   *
   * Rejects with a `StoreError`, `TOLLGATE_STORE_FAILED`, when the store could not do it. The counters in this process,
   * and what waits to be written back, are forgotten all the same.
   */
  reset(target: CounterTarget): MaybePromise<void> {
    return this.#onCounters(target, 'reset');
  }

  /**
   * Forgets the violations of one account and category, or of the whole account with its total, and ends the throttling
   * that they led to. Used quotas stay used.
   *
   * Rejects with a `StoreError`, `TOLLGATE_STORE_FAILED`, when the store could not do it; the violations in this
   * process are forgotten all the same.
   */
  pardon(target: CounterTarget): MaybePromise<void> {
    return this.#onCounters(target, 'pardon');
  }

  /**
   * Replaces the policy from the next charge on; the previous one decides charges under way. Earlier admissions still
   * count: see `docs/changing-a-policy.md` for what a new window starts with. An invalid policy changes nothing.
   *
   * @throws TypeError `TOLLGATE_OPTION_CONFLICT` when it throttles on a store that cannot; and the errors of
   * {@link definePolicy}.
   */
  setPolicy(next: Policy | PolicyOptions): void {
    this.#checkOpen();
    const previous = this.#policy;
    this.#policy = this.#usable(next);
    this.#publisher.policyChanged(this.#policy, previous);
  }

  /** Replaces or ends the candidate from the next charge on. A new candidate uses the counters of the one before it. */
  setCandidate(next: Policy | PolicyOptions | undefined): void {
    this.#checkOpen();
    this.#trial = next && this.#trialOf(this.#usable(next));
  }

  /**
   * Lets every request pass from the next charge on, without the store, until {@link resume}: for when limiting itself
   * does harm. `health().suspended` shows it, and a process warning reports its begin and end.
   *
   * @throws TypeError or RangeError unless `by` and `reason` are left out or strings of at least one character, and
   * there is nothing else.
   */
  suspend(why: { readonly by?: string; readonly reason?: string } = {}): void {
    this.#checkOpen();
    const { by, reason } = checkOptions('suspension', why, ['by', 'reason']);
    this.#suspensions.suspend({
      ...(by !== undefined && { by: checkString('by', by) }),
      ...(reason !== undefined && { reason: checkString('reason', reason) }),
    });
  }

  /** Ends a suspension by {@link suspend} on this limiter. A suspension by an account source ends there. */
  resume(): void {
    this.#checkOpen();
    this.#suspensions.resume();
  }

  /**
   * The usage of an account or an address: totals, by category, the busiest minute, a series over time, and a suggested
   * limit. The counts of this process are flushed first; the last seconds of other processes may be missing. Unlike
   * other methods it always returns a promise.
   *
   * Rejects with a TypeError `TOLLGATE_OPTION_CONFLICT` unless the limiter counts `usage`, a TypeError or RangeError
   * for an invalid question, and with the errors of the usage store.
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

  /** The policy in force. */
  get policy(): Policy {
    return this.#policy;
  }

  get store(): Store {
    return this.#store;
  }

  /** The state of the store, and the number of decisions without it. */
  health(): Health {
    const suspended = this.#suspensions.current;
    return { ...this.#guard.describe(), ...(suspended && { suspended }) };
  }

  /** The limiter's counts since it was made. */
  stats(): LimiterStats {
    const { wouldRefuse, throttlings, policyVersion } = this.#publisher;
    return {
      wouldRefuse,
      throttlings,
      suspended: this.#passedSuspended,
      sourceFailures: this.#sources.failures,
      policyVersion,
      candidate: this.#trialTally.describe(),
      usage: this.#usage?.stats(),
    };
  }

  /**
   * Subscribes to an event of this limiter; {@link LimiterEvents} lists the events. A listener that throws is reported
   * by `process.emitWarning`, and changes nothing. The same messages, for all limiters of a process, are on channels:
   * see `docs/observability.md`.
   */
  on<E extends keyof LimiterEvents>(event: E, listener: (argument: LimiterEvents[E]) => unknown): this {
    this.#publisher.on(event, listener);
    return this;
  }

  off<E extends keyof LimiterEvents>(event: E, listener: (argument: LimiterEvents[E]) => unknown): this {
    this.#publisher.off(event, listener);
    return this;
  }

  /**
   * Ends the limiter, and its store unless that was passed in. Waiting charges are decided without the store, and
   * pending write-backs are dropped. With `usage`, the result is a promise: the counts are flushed first, for at most
   * five seconds.
   */
  close(): MaybePromise<void> {
    if (this.#closed) return undefined;
    this.#closed = true;
    this.#publisher.closed();
    this.#suspensions.stop();
    this.#guard.close();
    this.#publisher.stop();
    const closeStore = () => (this.#ownsStore ? this.#store.close() : undefined);
    return this.#usage === undefined ? closeStore() : this.#usage.close().then(closeStore);
  }

  #ask(method: 'consume' | 'peek', charge: Charge): MaybePromise<Decision> {
    if (this.#closed) throw closedError('RateLimiter');
    const prepared = prepareCharge(charge);
    this.#fields.check(charge);
    if (this.#suspensions.current !== undefined) return this.#letPass(method, prepared);
    const policy = this.#policy;
    const layer = this.#hasNoSources ? undefined : this.#sourceLayer(charge);
    if (layer === undefined || !isPromise(layer)) return this.#decide(method, charge, prepared, policy, layer);
    return layer.then((found) => {
      this.#checkOpen();
      if (this.#suspensions.current !== undefined) return this.#letPass(method, prepared);
      return this.#decide(method, charge, prepared, policy, found);
    });
  }

  #decide(
    method: 'consume' | 'peek',
    charge: Charge,
    prepared: PreparedCharge,
    policy: Policy,
    layer: AccountLayer | undefined,
  ): MaybePromise<Decision> {
    const resolution = policy.resolve(charge, layer);
    prepared.resolution = resolution;
    if (!this.#canThrottle) this.#warnOfThrottle(resolution);
    let decision: MaybePromise<Decision>;
    if (resolution.counters.length === 0) {
      decision = this.#withoutStore(method, new Decision(prepared, resolution, FREE, 'none'));
    } else {
      decision = method === 'consume' ? this.#guard.consume(prepared) : this.#guard.peek(prepared);
    }
    if (this.#trial !== undefined && method === 'consume') {
      this.#trial.judge({ ...prepared, resolution: this.#trial.policy.resolve(charge, layer) }, decision);
    }
    return decision;
  }

  #letPass(method: 'consume' | 'peek', prepared: PreparedCharge): Decision {
    if (method === 'consume') this.#passedSuspended++;
    return this.#withoutStore(method, new Decision(prepared, NO_LIMITS, FREE, 'none', undefined, 'suspended'));
  }

  #withoutStore(method: 'consume' | 'peek', decision: Decision): Decision {
    if (method === 'consume') this.#publisher.decided(decision);
    return decision;
  }

  /** The layer from the account's source. An address has none. */
  #sourceLayer({ account }: Identity): MaybePromise<AccountLayer | undefined> {
    return account === undefined ? undefined : this.#sources.layerOf(account);
  }

  #onCounters(target: CounterTarget, method: 'reset' | 'pardon'): MaybePromise<void> {
    this.#checkOpen();
    if (typeof target !== 'object' || target === null) throw optionTypeError('target', 'an object', target);
    const owner = ownerOf(target);
    const { category, account, environment } = target;
    if (category === undefined) return this.#guard[method](owner);
    checkCategory(category);
    const query = { category, account, environment };
    const act = (layer: AccountLayer | undefined) => {
      const done = this.#guard[method](owner, this.#policy.counterOf(query, layer));
      const inTrial = this.#trial?.policy.counterOf(query, layer);
      const also = inTrial === undefined ? undefined : this.#guard[method](owner, trialName(inTrial));
      return isPromise(done) || isPromise(also) ? Promise.all([done, also]).then(() => {}) : undefined;
    };
    const layer = this.#sourceLayer(target);
    return isPromise(layer) ? layer.then(act) : act(layer);
  }

  #trialOf(candidate: Policy): Trial {
    return new Trial(candidate, this.#guard, this.#trialTally, (comparison) => this.#publisher.compared(comparison));
  }

  /** The checked policy. A store that cannot throttle must not ignore a throttle silently. */
  #usable(policy: Policy | PolicyOptions): Policy {
    const checked = policyOf(policy);
    if (checked.throttles && !this.#canThrottle) {
      throw optionConflictError(
        'Expected a store with the method pardon for a policy with `throttle`, got one without',
      );
    }
    return checked;
  }

  /** Only a source can bring such a throttle, since a policy was refused. The account keeps its other limits. */
  #warnOfThrottle({ counters }: Resolution): void {
    if (this.#warned || counters.every(({ throttle }) => throttle === undefined)) return;
    this.#warned = true;
    warn(
      'TOLLGATE_THROTTLE_IGNORED',
      'A source of account layers sets `throttle`, which the store ignores: it has no method pardon',
    );
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('RateLimiter');
  }
}

function admittedOnly(decision: Decision): Decision {
  if (!decision.allowed) throw new RateLimitError(decision);
  return decision;
}
