import type { Quota } from './quota.js';

/** What a store returns at once when it can, and as a promise when it cannot. */
export type MaybePromise<T> = T | Promise<T>;

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
  /** Milliseconds until some of `used` leaves each quota and its room grows; 0 where `used` is 0. */
  readonly resetAfterMs: readonly number[];
  /**
   * 0 when allowed. Otherwise the milliseconds after which this charge, repeated with no other traffic, is admitted: not
   * one sooner. `Infinity` when it can never fit, because its cost is above a limit.
   */
  readonly retryAfterMs: number;
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
 * A refusal is an outcome, not an error. A method rejects or throws only when the store is broken, and then the charge may
 * or may not have been recorded.
 */
export interface Store {
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

  /** Forgets the counter of that name, or with no name every counter of the account. */
  reset(account: string, name?: string): MaybePromise<void>;

  /** Releases what the store holds. Afterwards every other method fails; a second `close` does nothing. */
  close(): MaybePromise<void>;
}

/** Whether the value has to be waited for. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
