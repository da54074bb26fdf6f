import type { MaybePromise } from '../promises.js';
import type { Outcome, Store } from '../store/index.js';
import type { PreparedCharge } from './charge.js';

/** Takes back an admitted charge, wherever it was admitted. */
export interface Undo {
  /** The store of the charge's limiter, also if that store did not decide. */
  readonly store: Store;
  takeBack(charge: PreparedCharge, outcome: Outcome): MaybePromise<void>;
}

/** Proof of one admitted charge. Opaque; a limiter on the same store accepts it once. */
export class Receipt {
  readonly #undo: Undo;
  readonly #charge: PreparedCharge;
  /** `undefined` once it is spent. */
  #outcome: Outcome | undefined;
  #also: (() => void) | undefined;

  /** A `RateLimiter` makes receipts. */
  constructor(undo: Undo, charge: PreparedCharge, outcome: Outcome) {
    this.#undo = undo;
    this.#charge = charge;
    this.#outcome = outcome;
  }

  /** Whether `value` is a receipt for that store. */
  static isOf(store: Store, value: unknown): value is Receipt {
    return typeof value === 'object' && value !== null && #undo in value && value.#undo.store === store;
  }

  /** Calls `also` when the receipt is spent. */
  accompany(also: () => void): void {
    this.#also = also;
  }

  /** Takes the charge back the first time. Returns whether this was the first time. */
  spend(): MaybePromise<boolean> {
    const outcome = this.#outcome;
    if (outcome === undefined) return false;
    // Spent before it is sent: a refund that fails half-way may have happened, and must not happen twice.
    this.#outcome = undefined;
    this.#also?.();
    const done = this.#undo.takeBack(this.#charge, outcome);
    return done === undefined ? true : done.then(() => true);
  }
}
