import type { MaybePromise } from '../promises.js';
import type { Quota } from './quota.js';
import type { Throttle } from './throttle.js';
import type { UsageStore } from './usage-store.js';

/**
 * One counter of a charge: its name within the account, and the quotas that the charge must fit.
 *
 * A name is any non-empty string. Two names are one counter only if they are equal, code unit by code unit. The same is
 * true for accounts. Both may be hostile.
 */
export interface CounterSpec {
  readonly name: string;
  /** 1 to 8 quotas, no two with the same `windowMs`. */
  readonly quotas: readonly Quota[];
  /** What repeated violations lead to. A store without {@link Store.pardon} ignores it. */
  readonly throttle?: Throttle;
  /**
   * The subject that the counter belongs to, one of perhaps millions: `name` ends with it. Equal names are one counter,
   * with this or without; it only spares a store the search in the name.
   */
  readonly subject?: string;
  /** The account that the counter belongs to, if it is not the charge's. See {@link Store.joinsAccounts}. */
  readonly account?: string;
  /** What the charge costs on this counter, if that differs from the charge's cost: an integer from 0 to 2³¹ − 1. */
  readonly cost?: number;
}

/**
 * A store's answer to a charge. The arrays have one entry for each quota: those of the first counter in their order,
 * then those of the second. The outcome belongs to the caller, and the store keeps no reference to it.
 */
export interface Outcome {
  readonly allowed: boolean;
  /** The instant of the decision on the store's clock, in whole milliseconds. */
  readonly now: number;
  /** The cost that counts in each quota after the decision. It includes this charge if that was admitted. */
  readonly used: readonly number[];
  /**
   * Milliseconds until the room of each quota, `limit - used` or 0, next grows without any call. 0 if it never grows,
   * as where `used` is 0. For a throttled counter, the limit is the shrunk one, and room may grow when the throttling
   * ends.
   */
  readonly resetAfterMs: readonly number[];
  /**
   * 0 when allowed. Otherwise the milliseconds after which this charge, repeated with no other traffic, is admitted,
   * and not one sooner. `Infinity` when it can never fit, because its cost is above a limit.
   */
  readonly retryAfterMs: number;
  /**
   * For each counter the milliseconds until its throttling ends, 0 if it is not throttled. May be left out if no
   * counter has a {@link CounterSpec.throttle}.
   */
  readonly throttledMs?: readonly number[];
  /** Whether a throttling began with this refusal. */
  readonly beganThrottling?: boolean;
  /** What the store needs to recognise the admission in {@link Store.refund}. Opaque to everyone else. */
  readonly token: unknown;
}

/**
 * Keeps counters and takes charges against them. A store owns the clock by which it decides. It decides one charge in
 * one atomic step: atomic across everything that shares its counters, whether one process or many hosts.
 *
 * `test/contract/store.ts` checks the promises below on every store. `docs/writing-a-store.md` shows how to write one.
 *
 * - **Never over.** In every interval `(t - windowMs, t]` of the store's clock, admitted cost is at most `limit`.
 * - **Never early to refuse.** While `limit <= slices`, a charge is refused only if it does not fit. Above that, room
 *   returns late by less than one slice, `ceil(windowMs / slices)` ms, and never early.
 * - **All or nothing.** A charge is recorded on every counter it names or on none.
 * - **Refusal is free.** A refused charge changes no quota.
 * - **Exact retry.** See {@link Outcome.retryAfterMs}.
 * - **Time.** Instants are whole milliseconds. While a clock steps back, its latest instant counts.
 * - **Bounded.** State that can no longer change a decision goes away without any call that names it.
 *
 * **Windows.** A counter has one sliding window for each `windowMs` that it has been charged against, as long as that
 * counts something. An admitted charge is recorded in all of them, whether or not its own quotas have them. So quotas
 * that differ from request to request, or change while the service runs, never open a gap. A new window begins with
 * what the counter has: the admissions of its narrowest longer window, else of its longest one.
 *
 * **Throttling.** A refused {@link Store.consume} is a violation on each counter that has no room for it and has a
 * throttle. A violation throttles the counter for `throttle.durationMs(…)` if the counter is not throttled and now has
 * at least `afterViolations` in `(t - withinMs, t]`. A throttled counter's limits are `throttle.limitOf(limit)`, from
 * the outcome of that refusal on. Violations meanwhile count, but neither lengthen the throttling nor begin another. At
 * the instant of its end, the full limits count again. A store may decide equal charges together: then all of them may
 * be refused once the last of them throttles the counter, and one reports that it began. Violations and throttlings
 * outlive changes of windows and limits; a reset ends them.
 *
 * A refusal is an outcome, not an error. A method rejects or throws only when the store is broken, and then the charge
 * may have been recorded. With a `StoreError` a store can be exact: `charged` is `'no'` if the charge was not recorded
 * and never will be, else `'unknown'`. Every other error counts as `'unknown'`.
 *
 * The optional members are for stores that can fail. `docs/failure.md` describes how a limiter uses them.
 */
export interface Store {
  /**
   * How long a decision may wait for this store, in milliseconds: an integer from 1 to 60000. It is the default of the
   * limiter's own `timeoutMs`.
   */
  readonly timeoutMs?: number;

  /**
   * Whether a charge may name counters of several accounts, by {@link CounterSpec.account}. Each part of the contract
   * holds for all of them together, atomically where they share one memory, one server or one slot of a cluster.
   * Elsewhere a charge may be recorded on some of them before others refuse it. It is then given back before the
   * answer, so nothing is ever over; meanwhile it may keep out another charge. Without it, a limiter refuses such
   * charges.
   */
  readonly joinsAccounts?: boolean;

  /**
   * Charges `cost` against every quota of every counter, atomically.
   *
   * @param account Whose counters. Any string.
   * @param counters 1 to 128 counters, no two of the same account and name.
   * @param cost An integer from 0 to 2³¹ − 1. A cost of 0 is always admitted and records nothing.
   */
  consume(account: string, counters: readonly CounterSpec[], cost: number): MaybePromise<Outcome>;

  /**
   * Answers as {@link consume} would now, except that `used` never includes the charge. Writes nothing: it neither
   * creates a counter nor lengthens its life.
   */
  peek(account: string, counters: readonly CounterSpec[], cost: number): MaybePromise<Outcome>;

  /**
   * Takes back the cost of one admitted charge, or a part of it, wherever it still counts. Does nothing to a window
   * that the admission has left, nor to a counter that was forgotten and begun anew since, so it can never create
   * credit. It may also do nothing once the counter has a longer window than ever before, which may lack the admission.
   *
   * The caller passes each admission at most once, with its own account, counters and `outcome`, and at most its cost.
   */
  refund(account: string, counters: readonly CounterSpec[], cost: number, outcome: Outcome): MaybePromise<void>;

  /**
   * Records an admission that was decided elsewhere, `agoMs` before now, in every window of the counters where it still
   * counts. No limit applies. Counters are begun and windows arranged as by an admitted {@link consume} with these
   * quotas. Without this method, what a limiter admits during an outage is never counted here.
   *
   * The cost of the instant `at = now − agoMs` joins one slice of each window that `at` has not left. Let `p` be the
   * oldest slice that is not before `at`. The first rule that applies decides:
   *
   * - no `p`: as an admission at `at` that follows all others;
   * - `p` is of the instant `at` or of the same slice width: `p`;
   * - the slice before `p` is of the same slice width: that one, which moves to `at`;
   * - the window has all its slices: `p`;
   * - else a new slice.
   *
   * So the cost may count for longer than it should, as with any admission, and never for less.
   *
   * @param cost An integer from 0 to 2³¹ − 1. A cost of 0 records nothing.
   * @param agoMs Whole milliseconds, at least 0. With 0, this is {@link consume} without its limits.
   */
  record?(account: string, counters: readonly CounterSpec[], cost: number, agoMs: number): MaybePromise<void>;

  /**
   * Rejects unless a charge of that account could be recorded now. Writes nothing that matters. A limiter calls it
   * again and again in the background while it considers the store down. Without this method, it calls {@link peek}.
   */
  probe?(account: string): MaybePromise<void>;

  /**
   * Why the store does not answer for that account now, as an `Error`: what the server or the network answered last.
   * `undefined` while nothing is known. It becomes the cause of the error of a call that was not answered in time.
   * Without this method such an error has no cause.
   */
  cause?(account: string): unknown;

  /**
   * Names the shard that keeps the account, for a store whose shards fail independently, as the masters of a cluster
   * do. The failure of one shard then does not affect other accounts. Called with every charge. Without this method
   * there is one shard, `''`.
   */
  shardOf?(account: string): string;

  /**
   * Forgets the violations of the counters that {@link reset} would forget, and ends their throttling. What the
   * counters have admitted stays. A store without this method keeps no violations, and a limiter refuses a policy that
   * throttles.
   */
  pardon?(account: string, name?: string, limiter?: string): MaybePromise<void>;

  /**
   * Makes a usage store beside the counters, which keeps usage for `keepDays`. The limiter closes it; this store stays
   * open. Without this method, usage is kept in the memory of the process unless the limiter is given a usage store.
   */
  usage?(options: { readonly keepDays: number }): UsageStore;

  /**
   * Forgets a counter and its violations; without a name, every counter of the account.
   *
   * @param limiter Without a name, only the counters of that limiter: those for which `limiterNameOf` returns it.
   * Limiters always pass it, since several may share the store.
   */
  reset(account: string, name?: string, limiter?: string): MaybePromise<void>;

  /**
   * Lets receipts be written as text, and used once in any process on the store. Without it, a receipt works only in
   * its own process.
   */
  readonly receipts?: ReceiptClaims;

  /** Releases the store's resources. Afterwards every other method fails, and a second `close` does nothing. */
  close(): MaybePromise<void>;
}

/** What a store does for receipts that are written as text. */
export interface ReceiptClaims {
  /** Signs the texts, and is the same in every process on the store. With it anyone can forge a text. */
  readonly key: string;
  /** Returns true for the first call with the `id`, by any process, and false for all others within `forMs`. */
  claim(account: string, id: string, forMs: number): MaybePromise<boolean>;
}
