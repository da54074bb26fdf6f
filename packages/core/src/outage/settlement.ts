import type { Clock } from '../clock.js';
import { costChange, loweredTo, type PreparedCharge, textLifeMs } from '../decision/index.js';
import type { StoreError } from '../errors.js';
import type { Admission } from '../memory/index.js';
import { isPromise, type MaybePromise } from '../promises.js';
import type { Outcome, Store } from '../store/index.js';
import type { CallCircuit, Circuits } from './circuit.js';
import type { Fallback } from './fallback.js';
import type { JournalEntry } from './journal.js';
import { type CallEnd, downError, type StoreCalls, VOID_CALL } from './store-calls.js';
import type { Doubt } from './uncounted.js';
import type { WriteBack } from './write-back.js';

/** A charge that this process admitted alone, and its state since. */
export class LocalAdmission {
  /** The instant, on the limiter's own clock. */
  readonly admittedAt: number;
  /** What it costs, as corrected since. */
  cost: number;
  /** The entry that waits to be written to the store. */
  entry: JournalEntry | undefined = undefined;
  /** Whether the store may not have counted it. */
  doubts: readonly Doubt[] | undefined = undefined;
  /** The store's own admission of the charge, if its answer came too late. */
  stored: Outcome | undefined = undefined;

  constructor(admittedAt: number, cost: number) {
    this.admittedAt = admittedAt;
    this.cost = cost;
  }
}

/**
 * Brings store and process together after a charge: corrects admissions, remembers what the store has to count later,
 * and returns what the store admitted for a request that was refused.
 */
export class Settlement {
  readonly #store: Store;
  readonly #calls: StoreCalls;
  readonly #circuits: Circuits;
  readonly #fallback: Fallback;
  readonly #writeBack: WriteBack;
  readonly #clock: Clock;

  constructor(
    store: Store,
    calls: StoreCalls,
    circuits: Circuits,
    fallback: Fallback,
    writeBack: WriteBack,
    clock: Clock,
  ) {
    this.#store = store;
    this.#calls = calls;
    this.#circuits = circuits;
    this.#fallback = fallback;
    this.#writeBack = writeBack;
    this.#clock = clock;
  }

  get store(): Store {
    return this.#store;
  }

  admitLocally({ cost }: PreparedCharge): LocalAdmission {
    return new LocalAdmission(this.#clock(), cost);
  }

  /** The store certainly did not count a local admission, so it has to count it later. */
  owe(charge: PreparedCharge, local: LocalAdmission): void {
    if (local.cost === 0) return;
    const { owner, cost, resolution } = loweredTo(charge, local.cost);
    local.entry = this.#writeBack.add(owner, resolution.counters, cost, local.admittedAt);
  }

  /** Corrects an admission of the store, and the local copy of it, to `actualCost`. */
  settle(charge: PreparedCharge, outcome: Outcome, actualCost: number, copy?: Admission): MaybePromise<void> {
    const { less, more } = costChange(charge, actualCost);
    const debited = more && (copy === undefined ? this.debit(more) : this.debitHereToo(more));
    if (less !== undefined && copy !== undefined) this.#fallback.takeBack(less, copy);
    return both(debited, less && this.#takeBack(less, outcome));
  }

  /**
   * Corrects a local admission to `actualCost`. A record that is on its way to the store stays: a store has no name for
   * it.
   */
  settleLocal(charge: PreparedCharge, outcome: Outcome, actualCost: number, local: LocalAdmission): MaybePromise<void> {
    const { less, more } = costChange(charge, actualCost);
    const debited = more && this.debitHereToo(more);
    if (less === undefined) return debited;
    const { entry, stored } = local;
    local.cost = actualCost;
    if (actualCost === 0) this.resolve(local);
    this.#fallback.takeBack(less, outcome);
    if (entry !== undefined) {
      if (actualCost === 0 || charge.joined === undefined) {
        this.#writeBack.withdraw(entry, less.cost, actualCost === 0);
      } else {
        this.#writeBack.recost(entry, loweredTo(charge, actualCost));
      }
    }
    return both(debited, stored && this.#takeBack(less, stored));
  }

  /**
   * Counts a cost in the store without asking whether it fits. What the store certainly did not count is written back.
   * Rejects where the store may or may not have counted it, and where there is no room to remember it.
   */
  debit(charge: PreparedCharge): MaybePromise<void> {
    const { owner, cost, resolution } = charge;
    const debitedAt = this.#clock();
    const notCounted = (error: StoreError) => {
      const isOwed =
        error.charged === 'no' && this.#writeBack.add(owner, resolution.counters, cost, debitedAt) !== undefined;
      return isOwed ? undefined : (Promise.reject(error) as never);
    };
    const circuit = this.#circuits.ofCharge(owner, resolution.counters);
    if (circuit.isOpen) return notCounted(downError('no'));
    return this.#calls.ask(circuit, owner, () => this.#store.record?.(owner, resolution.counters, cost, 0), {
      ...VOID_CALL,
      failed: notCounted,
    });
  }

  /** As {@link debit}, and counts in the local copy too. */
  debitHereToo(charge: PreparedCharge): MaybePromise<void> {
    this.#fallback.follow(charge);
    return this.debit(charge);
  }

  /** Whether this is the first use of a receipt that was written as text, in any process. Rejects while it is away. */
  claim(charge: PreparedCharge, id: string): MaybePromise<boolean> {
    const { owner } = charge;
    const forMs = textLifeMs(charge) + CLOCKS_DIFFER_MS;
    const claimed = () => this.#store.receipts?.claim(owner, id, forMs);
    return this.#ask(this.#circuits.of(owner), owner, claimed, CLAIM_CALL);
  }

  /** The store may have counted a local admission, or not. */
  doubt({ owner, resolution }: PreparedCharge, local: LocalAdmission): void {
    local.doubts = this.#writeBack.uncounted.add(owner, resolution.counters, local.admittedAt);
  }

  /** What the store has done with a local admission is known after all. */
  resolve(local: LocalAdmission): void {
    if (local.doubts !== undefined) this.#writeBack.uncounted.remove(local.doubts);
    local.doubts = undefined;
  }

  /**
   * Refuses what the store has admitted, if admissions of this process that the store may not have counted leave no
   * room for it.
   */
  refusal(charge: PreparedCharge): Outcome | undefined {
    const behind = this.#writeBack.behindOf(charge.owner, charge.resolution.counters);
    return behind.length > 0 ? this.#fallback.refusal(charge, behind) : undefined;
  }

  /** The store admitted a charge whose request was refused here, or corrected to less since: `less` is too much. */
  giveBack(less: PreparedCharge, outcome: Outcome): void {
    const { owner, resolution } = less;
    // The store has just answered, so it is asked even while its circuit is open; if it fails, the cost counts too
    // long.
    const circuit = this.#circuits.ofCharge(owner, resolution.counters);
    const refunded = this.#calls.ask(circuit, owner, () => this.#refund(less, outcome), VOID_CALL);
    if (isPromise(refunded)) refunded.catch(() => {});
  }

  /** A call that changes the store, and has no other answer than that it is done. Rejects when it is not. */
  change(owner: string, call: () => MaybePromise<void>): MaybePromise<void> {
    return this.#ask(this.#circuits.of(owner), owner, call, VOID_CALL);
  }

  /** Rejects at once while the store is taken to be down. */
  #ask<R>(circuit: CallCircuit, owner: string, call: () => unknown, end: CallEnd<R>): MaybePromise<R> {
    return circuit.isOpen ? Promise.reject(downError('no')) : this.#calls.ask(circuit, owner, call, end);
  }

  #takeBack(less: PreparedCharge, outcome: Outcome): MaybePromise<void> {
    const { owner, resolution } = less;
    const circuit = this.#circuits.ofCharge(owner, resolution.counters);
    return this.#ask(circuit, owner, () => this.#refund(less, outcome), VOID_CALL);
  }

  #refund({ owner, cost, resolution }: PreparedCharge, outcome: Outcome): MaybePromise<void> {
    return this.#store.refund(owner, resolution.counters, cost, outcome);
  }
}

/** Waits for both. */
function both(one: MaybePromise<void>, other: MaybePromise<void>): MaybePromise<void> {
  if (!isPromise(one)) return other;
  return isPromise(other) ? Promise.all([one, other]).then(() => {}) : one;
}

/** By how much the clocks of two processes may differ before one accepts a text whose use was forgotten. */
const CLOCKS_DIFFER_MS = 3_600_000;

const CLAIM_CALL: CallEnd<boolean> = {
  ...VOID_CALL,
  isAnswer: (value) => typeof value === 'boolean',
  answered: (isFirst) => isFirst as boolean,
  failed: (error) => Promise.reject(error) as never,
};
