import { checkOptions, checkString } from '../check.js';
import {
  blockedDecision,
  type Charge,
  type CounterTarget,
  checkCategory,
  checkSubjects,
  Decision,
  FieldCheck,
  FREE,
  type Identity,
  joinCharges,
  ownerOf,
  type PreparedCharge,
  prepareCharge,
  RateLimitError,
  Receipt,
  withSubjects,
} from '../decision/index.js';
import { closedError, optionConflictError, optionRangeError, optionTypeError } from '../errors.js';
import { type Comparison, type LimiterEvents, type LimiterStats, Publisher } from '../observe/index.js';
import { type Health, StoreGuard } from '../outage/index.js';
import {
  type AccountLayer,
  AccountSources,
  type Block,
  NO_LIMITS,
  type Policy,
  type PolicyNames,
  type PolicyOptions,
  type Resolution,
  Resolutions,
} from '../policy/index.js';
import { isPromise, type MaybePromise } from '../promises.js';
import { counterPrefix, SERVICE_OWNER, type Store, subjectCounterName } from '../store/index.js';
import { Usage, type UsageQuestion, type UsageReport } from '../usage/index.js';
import { warn } from '../warnings.js';
import { Trial, TrialTally } from './candidate.js';
import { functionFailuresOf } from './function-failures.js';
import {
  checkCandidateNames,
  policyOf,
  type RateLimiterOptions,
  readLimiterOptions,
  reportRemovedLimits,
} from './limiter-options.js';
import { noteMade } from './made-per-request.js';
import { ObservedCharge, observedPart } from './observed-charge.js';
import { type CounterSharer, noteSharer } from './shared-counters.js';
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
export class RateLimiter<Names extends PolicyNames = PolicyNames> {
  /** The option `name`. */
  readonly name: string;
  readonly #store: Store;
  readonly #ownsStore: boolean;
  readonly #sharer: CounterSharer;
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
  /** What the names of its counters begin with. */
  readonly #prefix: string;
  #policy: Policy;
  /** `undefined` for those of the policy, which limiters without a name share. */
  #resolutions: Resolutions | undefined;
  #trial: Trial | undefined;
  #passedSuspended = 0;
  #warned = false;
  #closed = false;

  /**
   * @throws TypeError `TOLLGATE_OPTION_TYPE` when `store` lacks a method of the contract, `localStore` is no
   * `MemoryStore`, or `accounts` no source, `TOLLGATE_OPTION_UNKNOWN` when an option does not exist,
   * `TOLLGATE_OPTION_CONFLICT` when a policy throttles on a store that cannot; RangeError `TOLLGATE_OPTION_RANGE` for a
   * `name` with other characters or a `timeoutMs` out of range; and the errors of {@link definePolicy}.
   */
  constructor(options: RateLimiterOptions<Names>) {
    const { name, store, ownsStore, localStore, timeoutMs, sources, usage } = readLimiterOptions(options);
    this.name = name;
    this.#store = store;
    this.#ownsStore = ownsStore;
    this.#canThrottle = typeof store.pardon === 'function';
    this.#prefix = counterPrefix(name);
    this.#policy = this.#usable(options.policy);
    this.#resolutions = this.#ownResolutions();
    this.#sources = new AccountSources(sources, timeoutMs);
    this.#hasNoSources = this.#sources.isEmpty;
    const candidate = options.candidate && this.#usableCandidate(options.candidate);
    this.#usage = usage && new Usage(usage, store, name);
    this.#publisher = new Publisher(this, this.#usage);
    this.#guard = new StoreGuard(store, timeoutMs, this.#publisher, localStore);
    this.#trial = candidate && this.#trialOf(candidate);
    this.#suspensions = new Suspensions(this.#sources, (suspension) => this.#publisher.suspensionChanged(suspension));
    this.#suspensions.start();
    this.#sharer = noteSharer(store, name, options.policy);
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
  consume(charge: Charge<Names>): MaybePromise<Decision> {
    return this.#ask('consume', charge);
  }

  /**
   * As {@link consume}, but a refusal is a `RateLimitError`, thrown or as a rejection: for a program that would
   * otherwise have to check `decision.allowed` after every charge.
   */
  consumeOrThrow(charge: Charge<Names>): MaybePromise<Decision> {
    const decision = this.consume(charge);
    return isPromise(decision) ? decision.then(admittedOnly) : admittedOnly(decision);
  }

  /**
   * Charges one request to several accounts or addresses: all of the charges fit, or none is recorded. In memory and on
   * one Redis that is one atomic step; on a Redis Cluster, where they lie in different slots, a charge that is refused
   * in one has been given back in the others when the answer comes.
   *
   * The decision is one for all: `quotas` and `tightest` are over all of them, `retryAfterMs` is the wait until the
   * last has room, and `charges` has each with its own quotas. Its receipt concerns all of them: `settle` makes each
   * cost the same.
   *
   * Rejects or throws as {@link consume}, and
   *
   * @param charges 2 to 8 charges. Those of one account and category are charged together.
   * @throws TypeError `TOLLGATE_OPTION_TYPE` or RangeError `TOLLGATE_OPTION_RANGE` unless it is an array of 2 to 8;
   * TypeError `TOLLGATE_OPTION_CONFLICT` on a store without `joinsAccounts`, and for two charges with different limits
   * on one counter.
   *
   * @example
   * limiter.consumeAll([{ address, category: 'login' }, { account: user, category: 'login' }]);
   */
  consumeAll(charges: readonly Charge<Names>[]): MaybePromise<Decision> {
    return this.#askAll('consume', charges);
  }

  /** The decision that {@link consume} would make now, without charging: `used` never includes the cost. */
  peek(charge: Charge<Names>): MaybePromise<Decision> {
    return this.#ask('peek', charge);
  }

  /** The decision that {@link consumeAll} would make now, without charging. */
  peekAll(charges: readonly Charge<Names>[]): MaybePromise<Decision> {
    return this.#askAll('peek', charges);
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
   * the charge is taken back all the same, and the receipt is spent. A text, and a receipt whose text was taken, may be
   * tried again instead: nothing was taken back.
   *
   * @throws TypeError `TOLLGATE_OPTION_TYPE` when `receipt` is not one from a limiter on this store.
   */
  refund(receipt: Receipt | string): MaybePromise<boolean> {
    return this.settle(receipt, 0);
  }

  /**
   * Corrects one charge to the cost that it really had, given `decision.receipt`: a call was charged with ten minutes,
   * and took four. Each receipt works once, here or in {@link refund}; the result is whether this call was the one.
   *
   * A lower cost is as a refund of the difference: it is taken back where the charge still counts, and never creates
   * room that the charge had not taken. A higher cost is as a {@link debit} of the difference, now and without asking,
   * so the limit may be exceeded; nothing is admitted until that has left.
   *
   * Rejects as {@link refund} and {@link debit} do.
   *
   * @throws TypeError `TOLLGATE_OPTION_TYPE` when `receipt` is not one from a limiter on this store or its text,
   * `TOLLGATE_OPTION_CONFLICT` where only the process of the charge can correct it, TypeError or RangeError
   * `TOLLGATE_OPTION_RANGE` unless `actualCost` is an integer from 0 to 2³¹ − 1.
   */
  settle(receipt: Receipt | string, actualCost: number): MaybePromise<boolean> {
    this.#checkOpen();
    if (typeof receipt === 'string') return this.#guard.receiptOf(receipt).settle(actualCost);
    if (!Receipt.isOf(this.#store, receipt)) {
      throw optionTypeError('receipt', 'a receipt from a decision on the same store', receipt);
    }
    return receipt.settle(actualCost);
  }

  /**
   * Counts a cost without asking whether it fits, for what has happened already: used minutes, sent rows. It may exceed
   * the limit; nothing is admitted until that has left. No decision is made, and while limiting is suspended nothing is
   * counted.
   *
   * What the store certainly did not count is written back when it answers again. Rejects with a `StoreError`,
   * `TOLLGATE_STORE_FAILED`, where the store may or may not have counted it, and where too much waits to be written
   * back.
   *
   * @throws As {@link consume}, and TypeError `TOLLGATE_OPTION_CONFLICT` on a store without the method `record`.
   */
  debit(charge: Charge): MaybePromise<void> {
    this.#checkOpen();
    const prepared = prepareCharge(charge);
    this.#fields.check(charge);
    if (this.#store.record === undefined) {
      throw optionConflictError('Expected a store with the method record for a debit, got one without');
    }
    if (this.#suspensions.current !== undefined || prepared.cost === 0) return undefined;
    const policy = this.#policy;
    const resolutions = this.#resolutions;
    const trial = this.#trial;
    const act = (layer: AccountLayer | undefined) => {
      prepared.resolution = resolve(policy, charge, layer, resolutions);
      trial?.debit({ ...prepared, resolution: resolve(trial.policy, charge, layer, trial.resolutions) });
      const observed = observedPart(prepared);
      if (observed !== undefined) this.#guard.debitBeside(observed);
      return prepared.resolution.counters.length === 0 ? undefined : this.#guard.debit(prepared);
    };
    const layer = this.#sourceLayer(charge);
    if (!isPromise(layer)) return act(layer);
    return layer.then((found) => {
      this.#checkOpen();
      return this.#suspensions.current === undefined ? act(found) : undefined;
    });
  }

  /**
   * Forgets the counter of one account and category, those of subjects, or every counter that limiters of this name
   * have for the account. Pass the `environment` for a counter that the policy keeps apart for it, and `service: true`
   * alone for the counter of everybody together.
   *
   * Rejects with a `StoreError`, `TOLLGATE_STORE_FAILED`, when the store could not do it. The counters in this process,
   * and what waits to be written back, are forgotten all the same.
   */
  reset(target: CounterTarget<Names>): MaybePromise<void> {
    return this.#onCounters(target, 'reset');
  }

  /**
   * Forgets the violations of the counters that {@link reset} would forget, and ends the throttling that they led to.
   * Used quotas stay used.
   *
   * Rejects with a `StoreError`, `TOLLGATE_STORE_FAILED`, when the store could not do it; the violations in this
   * process are forgotten all the same.
   */
  pardon(target: CounterTarget<Names>): MaybePromise<void> {
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
    this.#resolutions = this.#ownResolutions();
    this.#sharer.policy = next;
    this.#publisher.policyChanged(this.#policy, previous);
  }

  /** Replaces or ends the candidate from the next charge on. A new candidate uses the counters of the one before it. */
  setCandidate(next: Policy | PolicyOptions | undefined): void {
    this.#checkOpen();
    this.#trial = next && this.#trialOf(this.#usableCandidate(next));
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

  /** The policy on trial, if there is one. */
  get candidate(): Policy | undefined {
    return this.#trial?.policy;
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
    const { decisions, wouldRefuse, throttlings, corrections, policyVersion } = this.#publisher;
    return {
      decisions,
      wouldRefuse,
      throttlings,
      corrections,
      suspended: this.#passedSuspended,
      sourceFailures: this.#sources.failures,
      functionFailures: functionFailuresOf(this),
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
    this.#sharer.isOpen = false;
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
    const resolutions = this.#resolutions;
    const layer = this.#hasNoSources ? undefined : this.#sourceLayer(charge);
    if (layer === undefined || !isPromise(layer)) {
      prepared.resolution = resolve(policy, charge, layer, resolutions);
      return this.#decide(method, prepared, policy.blockOf(charge, layer), charge, layer);
    }
    return layer.then((found) => {
      this.#checkOpen();
      if (this.#suspensions.current !== undefined) return this.#letPass(method, prepared);
      prepared.resolution = resolve(policy, charge, found, resolutions);
      return this.#decide(method, prepared, policy.blockOf(charge, found), charge, found);
    });
  }

  #askAll(method: 'consume' | 'peek', given: readonly Charge[]): MaybePromise<Decision> {
    if (this.#closed) throw closedError('RateLimiter');
    checkCharges(given);
    // The program may change its list while a source is asked.
    const charges = [...given];
    const prepared = charges.map((charge) => prepareCharge(charge));
    for (const charge of charges) this.#fields.check(charge);
    if (!this.#store.joinsAccounts) {
      throw optionConflictError('Expected a store with joinsAccounts for several charges at once, got one without');
    }
    const policy = this.#policy;
    const resolutions = this.#resolutions;
    const decide = (layers: readonly (AccountLayer | undefined)[]) => {
      if (this.#suspensions.current !== undefined) return this.#letPass(method, joinCharges(prepared));
      for (const [index, charge] of charges.entries()) {
        prepared[index]!.resolution = resolve(policy, charge, layers[index], resolutions);
      }
      return this.#decide(method, joinCharges(prepared), blockOfAny(policy, charges, layers), charges, layers);
    };
    if (this.#suspensions.current !== undefined) return decide([]);
    const layers = charges.map((charge) => this.#sourceLayer(charge));
    if (!layers.some(isPromise)) return decide(layers as readonly (AccountLayer | undefined)[]);
    return Promise.all(layers).then((found) => {
      this.#checkOpen();
      return decide(found);
    });
  }

  /** Decides a charge, whose limits are known, or several that were joined. `layers` are those of their accounts. */
  #decide(
    method: 'consume' | 'peek',
    prepared: PreparedCharge,
    block: Block | undefined,
    charges: Charge | readonly Charge[],
    layers: AccountLayer | undefined | readonly (AccountLayer | undefined)[],
  ): MaybePromise<Decision> {
    const { resolution } = prepared;
    if (!this.#canThrottle) this.#warnOfThrottle(resolution);
    let decision: MaybePromise<Decision>;
    if (block !== undefined || resolution.counters.length === 0 || resolution.observed !== undefined) {
      decision = this.#decideUnusual(method, prepared, block);
    } else {
      decision = method === 'consume' ? this.#guard.consume(prepared) : this.#guard.peek(prepared);
    }
    const trial = this.#trial;
    if (trial !== undefined && method === 'consume') this.#judge(trial, prepared, charges, layers, decision);
    return decision;
  }

  /** Decides a charge that is blocked, that nothing limits, or for which some limits are only observed. */
  #decideUnusual(
    method: 'consume' | 'peek',
    prepared: PreparedCharge,
    block: Block | undefined,
  ): MaybePromise<Decision> {
    const { resolution } = prepared;
    if (block !== undefined) return this.#withoutStore(method, blockedDecision(prepared, block));
    if (resolution.counters.length === 0) {
      return this.#withoutStore(method, new Decision(prepared, resolution, FREE, 'none'));
    }
    const observed = new ObservedCharge(this.#guard, method, prepared);
    const decision = method === 'consume' ? this.#guard.consume(prepared) : this.#guard.peek(prepared);
    if (method === 'peek') return decision;
    const follow = (made: Decision) => {
      observed.follow(made);
      return made;
    };
    return isPromise(decision) ? decision.then(follow) : follow(decision);
  }

  #judge(
    trial: Trial,
    prepared: PreparedCharge,
    given: Charge | readonly Charge[],
    layers: AccountLayer | undefined | readonly (AccountLayer | undefined)[],
    decision: MaybePromise<Decision>,
  ): void {
    const { policy, resolutions } = trial;
    const { joined } = prepared;
    if (joined === undefined) {
      const [charge, layer] = [given as Charge, layers as AccountLayer | undefined];
      const resolution = resolve(policy, charge, layer, resolutions);
      trial.judge({ ...prepared, resolution, observed: undefined }, policy.blockOf(charge, layer), decision);
      return;
    }
    const [all, allLayers] = [given as readonly Charge[], layers as readonly (AccountLayer | undefined)[]];
    const charges = joined.parts.map(({ charge }, index) => ({
      ...charge,
      resolution: resolve(policy, all[index]!, allLayers[index], resolutions),
    }));
    trial.judgeAll(charges, blockOfAny(policy, all, allLayers), decision);
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
    if (target.service) return this.#guard[method](SERVICE_OWNER, undefined, this.name);
    const owner = ownerOf(target);
    const { category, account, address, environment, subjects } = target;
    if (category === undefined && subjects === undefined) return this.#guard[method](owner, undefined, this.name);
    if (category !== undefined) checkCategory(category);
    if (subjects !== undefined) checkSubjects(subjects);
    for (const kind of Object.keys(subjects ?? {})) this.#policy.checkName('subject', kind, 'target.subjects key');
    if (category === undefined && Object.values(subjects ?? {}).every((id) => id === undefined)) {
      // It would forget nothing, and look as if it had.
      throw optionRangeError('target.subjects', 'an object with the id of at least one subject', subjects);
    }
    const query = { category: category ?? '', account, address, environment };
    const namesIn = (policy: Policy, prefix: string, layer: AccountLayer | undefined): string[] => {
      const names = Object.entries(subjects ?? {}).flatMap(([kind, id]) => {
        return id === undefined ? [] : [subjectCounterName(policy.subjectCounterOf(kind, query, layer), id)];
      });
      if (category !== undefined) names.push(policy.counterOf(query, layer));
      return names.map((name) => prefix + name);
    };
    const actOn = (layer: AccountLayer | undefined) => {
      const trial = this.#trial;
      const names = namesIn(this.#policy, this.#prefix, layer);
      if (trial !== undefined) names.push(...namesIn(trial.policy, trial.resolutions.prefix, layer));
      const done = names.map((name) => this.#guard[method](owner, name, this.name)).filter(isPromise);
      return done.length === 0 ? undefined : Promise.all(done).then(() => {});
    };
    const layer = this.#sourceLayer(target);
    return isPromise(layer) ? layer.then(actOn) : actOn(layer);
  }

  #trialOf(candidate: Policy): Trial {
    const compared = (comparison: Comparison) => this.#publisher.compared(comparison);
    return new Trial(candidate, this.#prefix, this.#guard, this.#trialTally, compared);
  }

  #ownResolutions(): Resolutions | undefined {
    return this.#prefix === '' ? undefined : new Resolutions(this.#prefix);
  }

  /** The checked policy. A store that cannot throttle must not ignore a throttle silently. */
  #usable(policy: Policy | PolicyOptions): Policy {
    const checked = policyOf(policy);
    if (checked.throttles && !this.#canThrottle) {
      throw optionConflictError(
        'Expected a store with the method pardon for a policy with `throttle`, got one without',
      );
    }
    if (checked.joinsAccounts && !this.#store.joinsAccounts) {
      throw optionConflictError('Expected a store with joinsAccounts for a policy with `service`, got one without');
    }
    reportRemovedLimits(checked);
    return checked;
  }

  #usableCandidate(candidate: Policy | PolicyOptions): Policy {
    const checked = this.#usable(candidate);
    checkCandidateNames(this.#policy, checked);
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

/** The limits of a charge, on the counters of its own subjects. */
function resolve(
  policy: Policy,
  charge: Charge,
  layer: AccountLayer | undefined,
  resolutions: Resolutions | undefined,
): Resolution {
  const resolution = policy.resolve(charge, layer, resolutions);
  const { subjects } = charge;
  return subjects === undefined || subjects === null ? resolution : withSubjects(resolution, subjects);
}

function checkCharges(charges: unknown): void {
  const rule = `an array of 2 to ${MAX_CHARGES} charges`;
  if (!Array.isArray(charges)) throw optionTypeError('charges', rule, charges);
  if (charges.length < 2 || charges.length > MAX_CHARGES) throw optionRangeError('charges', rule, charges);
}

const MAX_CHARGES = 8;

/** One block is enough to refuse all of the charges. */
function blockOfAny(
  policy: Policy,
  charges: readonly Charge[],
  layers: readonly (AccountLayer | undefined)[],
): Block | undefined {
  for (const [index, charge] of charges.entries()) {
    const block = policy.blockOf(charge, layers[index]);
    if (block !== undefined) return block;
  }
  return undefined;
}
