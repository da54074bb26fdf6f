import type { CounterSpec, MaybePromise, Outcome, Store } from './store.js';

/** Proof of one admitted charge, good for one refund by a limiter on the same store. Opaque otherwise. */
export class Receipt {
  readonly #store: Store;
  readonly #account: string;
  readonly #counters: readonly CounterSpec[];
  readonly #cost: number;
  readonly #outcome: Outcome;
  #spent = false;

  /** Receipts are made by a `RateLimiter`. */
  constructor(store: Store, account: string, counters: readonly CounterSpec[], cost: number, outcome: Outcome) {
    this.#store = store;
    this.#account = account;
    this.#counters = counters;
    this.#cost = cost;
    this.#outcome = outcome;
  }

  /** Whether `value` is a receipt of that store. */
  static isOf(store: Store, value: unknown): value is Receipt {
    return typeof value === 'object' && value !== null && #store in value && value.#store === store;
  }

  /** Undoes the charge the first time, and tells whether it was the first time. */
  spend(): MaybePromise<boolean> {
    if (this.#spent) return false;
    // Spent before it is sent: a refund that fails half-way may have happened, and must not happen twice.
    this.#spent = true;
    const done = this.#store.refund(this.#account, this.#counters, this.#cost, this.#outcome);
    return done === undefined ? true : done.then(() => true);
  }
}
