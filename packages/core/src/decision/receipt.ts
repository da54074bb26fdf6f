import { checkInteger } from '../check.js';
import type { MaybePromise } from '../promises.js';
import { MAX_UNITS, type Outcome, type Store } from '../store/index.js';
import type { PreparedCharge } from './charge.js';

/** Corrects an admitted charge, wherever it was admitted. */
export interface Correction {
  /** The store of the charge's limiter, also if that store did not decide. */
  readonly store: Store;
  /** From now on the charge costs `actualCost` in all. */
  settle(charge: PreparedCharge, outcome: Outcome, actualCost: number): MaybePromise<void>;
}

/** Proof of one admitted charge. Opaque; a limiter on the same store accepts it once. */
export class Receipt {
  readonly #correction: Correction;
  readonly #charge: PreparedCharge;
  /** `undefined` once it is spent. */
  #outcome: Outcome | undefined;
  #also: ((actualCost: number) => void) | undefined;

  /** A `RateLimiter` makes receipts. */
  constructor(correction: Correction, charge: PreparedCharge, outcome: Outcome) {
    this.#correction = correction;
    this.#charge = charge;
    this.#outcome = outcome;
  }

  /** Whether `value` is a receipt for that store. */
  static isOf(store: Store, value: unknown): value is Receipt {
    return typeof value === 'object' && value !== null && #correction in value && value.#correction.store === store;
  }

  /** Calls `also` when the receipt is spent, with what the charge costs from then on. */
  accompany(also: (actualCost: number) => void): void {
    this.#also = also;
  }

  /** Corrects the charge to `actualCost`, the first time; 0 takes it back. Returns whether this was the first time. */
  settle(actualCost: number): MaybePromise<boolean> {
    checkInteger('actualCost', actualCost, 0, MAX_UNITS);
    const outcome = this.#outcome;
    if (outcome === undefined) return false;
    // Spent before it is sent: a correction that fails half-way may have happened, and must not happen twice.
    this.#outcome = undefined;
    this.#also?.(actualCost);
    const done = this.#correction.settle(this.#charge, outcome, actualCost);
    return done === undefined ? true : done.then(() => true);
  }
}
