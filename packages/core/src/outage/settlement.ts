import type { Clock } from '../clock.js';
import type { PreparedCharge } from '../decision/index.js';
import type { Admission } from '../memory/index.js';
import { isPromise, type MaybePromise } from '../promises.js';
import type { Outcome, Store } from '../store/index.js';
import type { Circuits } from './circuit.js';
import type { Fallback } from './fallback.js';
import type { JournalEntry } from './journal.js';
import { downError, type StoreCalls, VOID_CALL } from './store-calls.js';
import type { WriteBack } from './write-back.js';

/** A charge that this process admitted alone, and its state since. */
export class LocalAdmission {
  /** The instant, on the limiter's own clock. */
  readonly admittedAt: number;
  isRefunded = false;
  /** The entry that waits to be written to the store. */
  entry: JournalEntry | undefined = undefined;
  /** Whether the store may not have counted it. */
  isUncounted = false;
  /** The store's own admission of the charge, if its answer came too late. */
  stored: Outcome | undefined = undefined;

  constructor(admittedAt: number) {
    this.admittedAt = admittedAt;
  }
}

/**
 * Brings store and process together after a charge: takes admissions back, remembers what the store has to count later,
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

  admitLocally(): LocalAdmission {
    return new LocalAdmission(this.#clock());
  }

  /** The store certainly did not count a local admission, so it has to count it later. */
  owe({ owner, cost, resolution }: PreparedCharge, local: LocalAdmission): void {
    local.entry = this.#writeBack.add(owner, resolution.counters, cost, local.admittedAt);
  }

  /** The store may have counted a local admission, or not. */
  doubt({ owner, resolution }: PreparedCharge, local: LocalAdmission): void {
    local.isUncounted = true;
    this.#writeBack.uncounted.add(owner, resolution.counters, local.admittedAt);
  }

  /** What the store has done with a local admission is known after all. */
  resolve({ owner }: PreparedCharge, local: LocalAdmission): void {
    if (local.isUncounted) this.#writeBack.uncounted.remove(owner);
    local.isUncounted = false;
  }

  /**
   * Refuses what the store has admitted, if admissions of this process that the store may not have counted leave no
   * room for it.
   */
  refusal(charge: PreparedCharge): Outcome | undefined {
    return this.#writeBack.uncounted.has(charge.owner) ? this.#fallback.refusal(charge) : undefined;
  }

  /** Takes back an admission of the store, and the local copy of it. */
  takeBack(charge: PreparedCharge, outcome: Outcome, copy?: Admission): MaybePromise<void> {
    if (copy !== undefined) this.#fallback.takeBack(charge, copy);
    return this.change(charge.owner, () => this.#refund(charge, outcome));
  }

  /** Takes back a local admission. A record that is on its way to the store stays: a store has no name for it. */
  takeBackLocal(charge: PreparedCharge, outcome: Outcome, local: LocalAdmission): MaybePromise<void> {
    local.isRefunded = true;
    this.resolve(charge, local);
    this.#fallback.takeBack(charge, outcome);
    if (local.entry !== undefined) this.#writeBack.withdraw(local.entry, charge.cost);
    return local.stored && this.takeBack(charge, local.stored);
  }

  /** The store admitted a charge whose request was refused here, or refunded since. */
  giveBack(charge: PreparedCharge, outcome: Outcome): void {
    const { owner } = charge;
    // The store has just answered, so it is asked even while its circuit is open; if it fails, the cost counts too
    // long.
    const refunded = this.#calls.ask(this.#circuits.of(owner), owner, () => this.#refund(charge, outcome), VOID_CALL);
    if (isPromise(refunded)) refunded.catch(() => {});
  }

  /** A call that changes the store, and has no other answer than that it is done. Rejects when it is not. */
  change(owner: string, call: () => MaybePromise<void>): MaybePromise<void> {
    const circuit = this.#circuits.of(owner);
    if (circuit.isOpen) return Promise.reject(downError('no'));
    return this.#calls.ask(circuit, owner, call, VOID_CALL);
  }

  #refund({ owner, cost, resolution }: PreparedCharge, outcome: Outcome): MaybePromise<void> {
    return this.#store.refund(owner, resolution.counters, cost, outcome);
  }
}
