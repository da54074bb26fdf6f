import { Decision, type Undo } from '../decision/index.js';
import type { StoreError } from '../errors.js';
import type { Admission } from '../memory/index.js';
import type { Resolution } from '../policy/index.js';
import type { MaybePromise } from '../promises.js';
import { isOutcome, type Outcome, type Store } from '../store/index.js';
import type { Circuit } from './circuit.js';
import type { Charged, Fallback, LocalCharge } from './fallback.js';
import type { CallEnd } from './store-calls.js';

/** What a charge needs of the guard that sent it. */
export interface ChargeRoom {
  readonly fallback: Fallback;
  readonly store: Store;
  /** Takes back what the store has admitted, and the copy of it in this process. */
  undo(account: string, resolution: Resolution, cost: number, outcome: Outcome, copy?: Admission): MaybePromise<void>;
  /** The store surely did not count this local admission. */
  owe(account: string, resolution: Resolution, cost: number, local: LocalCharge): void;
  /** The store admitted what no one was let through for. */
  giveBack(account: string, resolution: Resolution, cost: number, outcome: Outcome): void;
  /** This is what the caller receives. */
  decided(decision: Decision): void;
}

/**
 * A charge on its way to the store and back. If the store is too late, the caller has another decision by then, and the two
 * are brought together here: whatever was let through is counted once, and whatever was not is not counted. What the store
 * admitted in time is undone by it.
 */
export class PendingCharge implements CallEnd<Decision>, Undo<Outcome> {
  readonly #room: ChargeRoom;
  readonly #charge: Charged;
  readonly #account: string;
  readonly #cost: number;
  readonly #resolution: Resolution;
  readonly #circuit: Circuit;
  /** What was decided without the store. */
  #allowed = false;
  #local: LocalCharge | undefined = undefined;
  /** Of what the store has admitted, in this process. */
  #copy: Admission | undefined = undefined;

  constructor(
    room: ChargeRoom,
    charge: Charged,
    account: string,
    cost: number,
    resolution: Resolution,
    circuit: Circuit,
  ) {
    this.#room = room;
    this.#charge = charge;
    this.#account = account;
    this.#cost = cost;
    this.#resolution = resolution;
    this.#circuit = circuit;
  }

  get store(): Store {
    return this.#room.store;
  }

  undo(account: string, resolution: Resolution, cost: number, outcome: Outcome): MaybePromise<void> {
    return this.#room.undo(account, resolution, cost, outcome, this.#copy);
  }

  isAnswer(value: unknown): boolean {
    return isOutcome(value, this.#resolution.quotas.length, this.#resolution.counters.length);
  }

  answered(outcome: Outcome): Decision {
    const isCharged = outcome.allowed && this.#cost > 0;
    if (isCharged) this.#copy = this.#room.fallback.follow(this.#account, this.#resolution, this.#cost);
    if (outcome.throttledMs !== undefined) {
      this.#room.fallback.followThrottling(this.#account, this.#resolution, outcome.throttledMs);
    }
    const { category } = this.#charge;
    const decision = new Decision(
      this.#charge,
      category,
      this.#cost,
      this.#resolution,
      outcome,
      isCharged ? this : undefined,
      'store',
    );
    this.#room.decided(decision);
    return decision;
  }

  failed({ charged }: StoreError): Decision {
    return this.decideWithout(charged);
  }

  /** Decides without the store, which surely has not counted the charge, or may have. */
  decideWithout(charged: StoreError['charged']): Decision {
    const { decision, local } = this.#room.fallback.consume(
      this.#charge,
      this.#account,
      this.#cost,
      this.#resolution,
      this.#circuit,
    );
    this.#allowed = decision.allowed;
    this.#local = local;
    if (charged === 'no') this.#owe();
    this.#room.decided(decision);
    return decision;
  }

  answeredLate(outcome: Outcome): void {
    if (this.#cost === 0) return;
    if (!outcome.allowed) this.#owe();
    else if (!this.#allowed || this.#local?.refunded) this.#giveBack(outcome);
    else if (this.#local !== undefined) this.#local.stored = outcome;
  }

  failedLate({ charged }: StoreError): void {
    if (charged === 'no') this.#owe();
  }

  #owe(): void {
    const local = this.#local;
    if (local === undefined || local.refunded) return;
    this.#room.owe(this.#account, this.#resolution, this.#cost, local);
  }

  #giveBack(outcome: Outcome): void {
    this.#room.giveBack(this.#account, this.#resolution, this.#cost, outcome);
  }
}
