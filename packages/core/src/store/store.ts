import type { MaybePromise } from '../promises.js';
import type { Quota } from './quota.js';
import type { Throttle } from './throttle.js';
import type { UsageStore } from './usage-store.js';

/**
 * One counter of a charge: its name within the account, and the quotas that the charge must fit on it.
 *
 * A name is any non-empty string. Two names are one counter only if they are equal, code unit by code unit; the same
 * goes for accounts. Both may be hostile.
 */
export interface CounterSpec {
  readonly name: string;
  /** 1 to 8 quotas, no two with the same `windowMs`. */
  readonly quotas: readonly Quota[];
  /** What repeated violations lead to. A store without {@link Store.pardon} passes over it. */
  readonly throttle?: Throttle;
}

/**
 * What a store answers to a charge. The arrays have one entry per quota: those of the first counter in their order, then
 * those of the second. The outcome belongs to the caller; the store keeps no reference to it.
 */
export interface Outcome {
  readonly allowed: boolean;
  /** The instant of the decision on the store's clock, in whole milliseconds. */
  readonly now: number;
  /** Cost that counts in each quota after the decision: this charge included if it was admitted. */
  readonly used: readonly number[];
  /**
   * Milliseconds until the room of each quota, `limit - used` or 0, next grows by itself; 0 where it never will, as where
   * `used` is 0. The limit is the shrunk one while the counter is throttled, and the end of that may be what room waits for.
   */
  readonly resetAfterMs: readonly number[];
  /**
   * 0 when allowed. Otherwise the milliseconds after which this charge, repeated with no other traffic, is admitted: not
   * one sooner. `Infinity` when it can never fit, because its cost is above a limit.
   */
  readonly retryAfterMs: number;
  /**
   * Of each counter, the milliseconds until its throttling ends, 0 where it is not throttled. May be left out if none of them
   * has a {@link CounterSpec.throttle}.
   */
  readonly throttledMs?: readonly number[];
  /** Whether it was this refusal with which a throttling began. */
  readonly beganThrottling?: boolean;
  /** Whatever the store needs to recognise the admission in {@link Store.refund}; opaque to everyone else. */
  readonly token: unknown;
}

/**
 * Keeps counters and takes charges against them. A store owns the clock by which it decides, and decides one charge in
 * one atomic step: atomic across everything that shares its counters, be it one process or many hosts.
 *
 * The promises below are checked by `test/contract/store.ts`, which runs over every store; `docs/writing-a-store.md` walks
 * through writing one.
 *
 * - **Never over.** In every interval `(t - windowMs, t]` of the store's clock, admitted cost is at most `limit`.
 * - **Never early to refuse.** While `limit <= slices`, a charge is refused only if it does not fit. Above that, room
 *   returns late by less than one slice, `ceil(windowMs / slices)` ms, and never early.
 * - **All or nothing.** A charge is recorded on every counter it names or on none.
 * - **Refusal is free.** A refused charge changes no quota.
 * - **Exact retry.** See {@link Outcome.retryAfterMs}.
 * - **Time.** Instants are whole milliseconds. A clock that steps back is held at its latest instant.
 * - **Bounded.** State that can no longer change a decision goes away by itself.
 *
 * A counter holds one sliding window per distinct `windowMs` that it has been charged against and that still counts
 * something. An admitted charge is recorded in all of them, whether or not its own quotas ask for them; so quotas that
 * differ from request to request, or change while the service runs, never open a gap. A window that is asked for the first
 * time begins with what the counter knows: the admissions of its narrowest longer window, else of its longest.
 *
 * **Throttling.** A refused {@link Store.consume} is a violation on each counter that has no room for it, and that has a
 * throttle. With a violation, if the counter is not throttled and has at least `afterViolations` of them in
 * `(t - withinMs, t]`, this one included, it is throttled from then until `forMs` later: the limits of its quotas count as
 * `throttle.limitOf(limit)`, for the outcome of that very refusal already. Violations while it is throttled count, but neither
 * lengthen it nor begin another; the first one after its end may. With `escalate`, how long one lasts is
 * `throttle.durationMs(…)`. A charge is admitted at the instant of the end. Equal charges that a store decides in one go may
 * all be refused as the last of them leaves the counter, one of them telling that a throttling began. Violations and throttling stay when windows or
 * limits change, and go with a reset.
 *
 * A refusal is an outcome, not an error. A method rejects or throws only when the store is broken, and then the charge may
 * or may not have been recorded. A store that knows says so with a `StoreError`: its `charged` is `'no'` when the charge
 * surely was not recorded and never will be, and `'unknown'` otherwise, as of every other error.
 *
 * The optional members are for stores that can fail; see `docs/failure.md` for what a limiter makes of them.
 */
export interface Store {
  /**
   * How long a decision may wait for this store, in milliseconds: an integer from 1 to 60000. The default of a limiter's
   * own `timeoutMs`.
   */
  readonly timeoutMs?: number;

  /**
   * Charges `cost` against every quota of every counter, atomically.
   *
   * @param account Whose counters. Any string.
   * @param counters 1 or 2 counters of that account with different names.
   * @param cost An integer from 0 to 2³¹ − 1. A cost of 0 is always admitted and records nothing.
   */
  consume(account: string, counters: readonly CounterSpec[], cost: number): MaybePromise<Outcome>;

  /**
   * What {@link consume} would answer now, except that `used` never includes the charge. Writes nothing: it neither
   * creates a counter nor lengthens its life.
   */
  peek(account: string, counters: readonly CounterSpec[], cost: number): MaybePromise<Outcome>;

  /**
   * Takes back the cost of one admitted charge wherever it still counts. Does nothing to a window that the admission has
   * left, nor to a counter that was forgotten and begun anew since, so it can never create credit. Nor does it have to, once
   * the counter was asked for a window longer than any it held before: the longer one may not know the admission. The
   * caller passes each admission at most once, with the arguments that were admitted and the `outcome` that came of it.
   */
  refund(account: string, counters: readonly CounterSpec[], cost: number, outcome: Outcome): MaybePromise<void>;

  /**
   * Counts an admission that was decided elsewhere, `agoMs` before now, in every window of the counters where it still
   * counts. No limit is asked. Counters are begun if need be, and their windows arranged as an admitted {@link consume}
   * with these quotas would arrange them. Without this method, what a limiter admitted while the store was away is never
   * counted here.
   *
   * With `at = now − agoMs`, a window that `at` has left is passed over; of the others, let `p` be the oldest slice that is
   * not before `at`. The cost joins `p` if both are of one instant or one slice's width; else the slice before `p`, which
   * moves to `at`, if those two are; else `p` if the window has all its slices, or the newest slice where there is no `p`;
   * else it becomes a slice of its own. So it may count for longer than it should, as any admission may, and never for less.
   *
   * @param cost An integer from 0 to 2³¹ − 1. A cost of 0 records nothing.
   * @param agoMs Whole milliseconds, at least 0. With 0, this is {@link consume} without its question.
   */
  record?(account: string, counters: readonly CounterSpec[], cost: number, agoMs: number): MaybePromise<void>;

  /**
   * Rejects unless a charge of that account could be recorded now. Writes nothing that matters. It is called in the
   * background, again and again, while the store is taken to be down; without it, a {@link peek} is.
   */
  probe?(account: string): MaybePromise<void>;

  /**
   * Names the part of the store that keeps the account, where parts fail independently of each other, as the masters of a
   * cluster do: then the failure of one leaves the others' accounts alone. Called with every charge. Absent: one part, `''`.
   */
  shardOf?(account: string): string;

  /**
   * Forgets the violations of a counter, or of every counter of the account, and ends what throttling they have led to; what
   * the counters have admitted stays. A store without this method keeps no violations, and a policy that throttles is refused on it.
   */
  pardon?(account: string, name?: string): MaybePromise<void>;

  /**
   * Makes a place beside the counters where a limiter may keep usage, for so many days; the limiter closes it, and the store
   * stays open. Without this method, usage is kept in the memory of the process unless the limiter is given another place.
   */
  usage?(options: { readonly keepDays: number }): UsageStore;

  /** Forgets the counter of that name, or with no name every counter of the account, and their violations with them. */
  reset(account: string, name?: string): MaybePromise<void>;

  /** Releases what the store holds. Afterwards every other method fails; a second `close` does nothing. */
  close(): MaybePromise<void>;
}
