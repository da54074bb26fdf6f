import { randomBytes } from 'node:crypto';
import { checkInteger } from '../check.js';
import { wallClock } from '../clock.js';
import { optionConflictError, optionTypeError } from '../errors.js';
import { isPromise, type MaybePromise } from '../promises.js';
import { MAX_UNITS, type Outcome, type Store } from '../store/index.js';
import type { PreparedCharge } from './prepared-charge.js';
import { type Issue, readReceipt, textLifeMs, writeReceipt } from './receipt-text.js';

/** Corrects an admitted charge, wherever it was admitted. */
export interface Correction {
  /** The store of the charge's limiter, also if that store did not decide. */
  readonly store: Store;
  /** Whether this process alone has counted the charge. */
  readonly isLocal: boolean;
  /** From now on the charge costs `actualCost` in all. */
  settle(charge: PreparedCharge, outcome: Outcome, actualCost: number): MaybePromise<void>;
  /** Whether this is the first use of a receipt that was written as text, in any process. */
  claim(charge: PreparedCharge, id: string): MaybePromise<boolean>;
}

/**
 * Proof of one admitted charge. A limiter on the same store accepts it once. `String(receipt)` is a text that works in
 * every process on the same store; the text and the receipt count as one.
 *
 * The text of a receipt that was used before, and that of a charge which was decided while the store failed, is
 * `tollgate1.local`. No limiter accepts it: only the process that has counted such a charge can correct it, by the
 * receipt.
 */
export class Receipt {
  readonly #correction: Correction;
  readonly #charge: PreparedCharge;
  readonly #outcome: Outcome;
  #isSpent = false;
  readonly #also: ((actualCost: number) => void)[] = [];
  /** Set when it was written as text, so that another process may use it. */
  #issue: Issue | undefined;

  /** A `RateLimiter` makes receipts. */
  constructor(correction: Correction, charge: PreparedCharge, outcome: Outcome, issue?: Issue) {
    this.#correction = correction;
    this.#charge = charge;
    this.#outcome = outcome;
    this.#issue = issue;
  }

  /** Whether `value` is a receipt for that store. */
  static isOf(store: Store, value: unknown): value is Receipt {
    return typeof value === 'object' && value !== null && #correction in value && value.#correction.store === store;
  }

  /**
   * The receipt of a text.
   *
   * @throws TypeError `TOLLGATE_OPTION_TYPE` unless it is the text of a receipt of the correction's store, and
   * `TOLLGATE_OPTION_CONFLICT` when that charge can only be corrected in its own process.
   */
  static parse(text: string, correction: Correction): Receipt {
    const { receipts } = correction.store;
    if (receipts === undefined || text === LOCAL_TEXT) {
      throw optionConflictError(
        'Expected the receipt itself, got its text: the store cannot take texts, or failed when it should have decided the charge',
      );
    }
    const content = readReceipt(text, receipts.key);
    if (content === undefined) throw optionTypeError('receipt', 'the text of a receipt of the same store', text);
    return new Receipt(correction, content.charge, content.outcome, content.issue);
  }

  /** Calls `also` when the receipt is spent, with what the charge costs from then on. */
  accompany(also: (actualCost: number) => void): void {
    this.#also.push(also);
  }

  /** Corrects the charge to `actualCost`, the first time; 0 takes it back. Returns whether this was the first time. */
  settle(actualCost: number): MaybePromise<boolean> {
    checkInteger('actualCost', actualCost, 0, MAX_UNITS);
    if (this.#isSpent) return false;
    // Spent before it is sent: a correction that fails half-way may have happened, and must not happen twice.
    this.#isSpent = true;
    const issue = this.#issue;
    if (issue === undefined) return this.#correct(actualCost);
    // A use is not remembered for ever, so an old text may have been used.
    if (wallClock() - issue.at >= textLifeMs(this.#charge)) return false;
    const isFirst = this.#correction.claim(this.#charge, issue.id);
    if (!isPromise(isFirst)) return isFirst && this.#correct(actualCost);
    return isFirst.then(
      (isFirst) => isFirst && this.#correct(actualCost),
      (error: unknown) => {
        // Nothing was corrected. If the claim was made all the same, the next one is refused.
        this.#isSpent = false;
        throw error;
      },
    );
  }

  toString(): string {
    const { store, isLocal } = this.#correction;
    // A receipt that was used without an id has left no claim.
    const wasUsedHere = this.#isSpent && this.#issue === undefined;
    if (isLocal || store.receipts === undefined || wasUsedHere) return LOCAL_TEXT;
    this.#issue ??= { id: randomBytes(ID_BYTES).toString('base64url'), at: wallClock() };
    return writeReceipt({ issue: this.#issue, charge: this.#charge, outcome: this.#outcome }, store.receipts.key);
  }

  #correct(actualCost: number): MaybePromise<boolean> {
    for (const also of this.#also) also(actualCost);
    const done = this.#correction.settle(this.#charge, this.#outcome, actualCost);
    return done === undefined ? true : done.then(() => true);
  }
}

/** The text of a receipt that no other process can use. */
const LOCAL_TEXT = 'tollgate1.local';
const ID_BYTES = 16;
