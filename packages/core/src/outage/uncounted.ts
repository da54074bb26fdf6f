import type { Clock } from '../clock.js';
import { type CounterSpec, longestMsOfAll, ownersOf } from '../store/index.js';

/**
 * The accounts with admissions of this process that the store may not have counted: the answer to the charge or to its
 * record was lost, or it could not be recorded. The store may then admit as much again. While such an admission counts
 * in a window, the account's charges have to fit the process's own copy too.
 */
export class Uncounted {
  readonly #clock: Clock;
  readonly #byAccount = new Map<string, Doubt>();
  /** Until then every account is taken to have one: there was no room to remember which. */
  #allUntil = Number.NEGATIVE_INFINITY;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes admissions of the instant `at`, for each account that has one of the counters. For {@link remove}. */
  add(account: string, counters: readonly CounterSpec[], at: number, admissions = 1): readonly Doubt[] {
    return ownersOf(account, counters)
      .map((owner) => {
        // Each until its own windows have passed: everybody's charges have to do with the service.
        const own = counters.filter(({ account: other = account }) => other === owner);
        return this.#addTo(owner, at + longestMsOfAll(own), admissions);
      })
      .filter((doubt) => doubt !== undefined);
  }

  /** Returns `undefined` if it is not remembered. */
  #addTo(account: string, until: number, admissions: number): Doubt | undefined {
    const known = this.#byAccount.get(account);
    if (known !== undefined) {
      known.admissions += admissions;
      known.until = Math.max(known.until, until);
      return known;
    }
    if (this.#byAccount.size >= MAX_ACCOUNTS) {
      this.#allUntil = Math.max(this.#allUntil, until);
      return undefined;
    }
    const doubt = { account, admissions, until };
    this.#byAccount.set(account, doubt);
    return doubt;
  }

  /** The store has counted the admissions after all, or they were taken back. Those noted since then stay. */
  remove(doubts: readonly Doubt[], admissions = 1): void {
    for (const doubt of doubts) {
      doubt.admissions -= admissions;
      if (doubt.admissions <= 0 && this.#byAccount.get(doubt.account) === doubt) this.#byAccount.delete(doubt.account);
    }
  }

  forget(account: string): void {
    this.#byAccount.delete(account);
  }

  get isEmpty(): boolean {
    return this.#byAccount.size === 0 && this.#allUntil === Number.NEGATIVE_INFINITY;
  }

  /** Whether the account has one that still counts. */
  has(account: string): boolean {
    if (this.isEmpty) return false;
    const now = this.#clock();
    if (now - this.#sweptAt >= SWEEP_EVERY_MS) this.#sweep(now);
    return now < this.#allUntil || now < (this.#byAccount.get(account)?.until ?? now);
  }

  #sweep(now: number): void {
    this.#sweptAt = now;
    if (this.#allUntil <= now) this.#allUntil = Number.NEGATIVE_INFINITY;
    for (const [account, { until }] of this.#byAccount) if (until <= now) this.#byAccount.delete(account);
  }
}

const MAX_ACCOUNTS = 10_000;
const SWEEP_EVERY_MS = 1000;

/** Admissions of an account that the store may not have counted. */
export interface Doubt {
  readonly account: string;
  admissions: number;
  until: number;
}
