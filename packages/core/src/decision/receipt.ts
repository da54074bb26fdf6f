import type { Resolution } from '../policy/index.js';
import type { MaybePromise } from '../promises.js';
import type { Store } from '../store/index.js';

/** Takes back what was admitted; there is one for each way in which charges are admitted. */
export interface Undo<Admission = unknown> {
  /** The store that the limiter of the charge works on, even if it was not the one that decided. */
  readonly store: Store;
  /** `admission` is what the charge left behind for this. */
  undo(account: string, resolution: Resolution, cost: number, admission: Admission): MaybePromise<void>;
}

/** Proof of one admitted charge, good for one refund by a limiter on the same store. Opaque otherwise. */
export class Receipt {
  readonly #undo: Undo;
  readonly #account: string;
  readonly #resolution: Resolution;
  readonly #cost: number;
  /** `undefined` once it is spent. */
  #admission: unknown;
  #also: (() => void) | undefined;

  /** Receipts are made by a `RateLimiter`. */
  constructor(undo: Undo, account: string, resolution: Resolution, cost: number, admission: object) {
    this.#undo = undo;
    this.#account = account;
    this.#resolution = resolution;
    this.#cost = cost;
    this.#admission = admission;
  }

  /** Whether `value` is a receipt of that store. */
  static isOf(store: Store, value: unknown): value is Receipt {
    return typeof value === 'object' && value !== null && #undo in value && value.#undo.store === store;
  }

  /** Has something else undone along with the charge. */
  accompany(also: () => void): void {
    this.#also = also;
  }

  /** Undoes the charge the first time, and tells whether it was the first time. */
  spend(): MaybePromise<boolean> {
    const admission = this.#admission;
    if (admission === undefined) return false;
    // Spent before it is sent: a refund that fails half-way may have happened, and must not happen twice.
    this.#admission = undefined;
    this.#also?.();
    const done = this.#undo.undo(this.#account, this.#resolution, this.#cost, admission);
    return done === undefined ? true : done.then(() => true);
  }
}
