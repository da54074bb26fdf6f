import { type Correction, type CostChange, costChange, Decision, type PreparedCharge } from '../decision/index.js';
import type { StoreError } from '../errors.js';
import type { Admission } from '../memory/index.js';
import type { MaybePromise } from '../promises.js';
import { isOutcome, type Outcome, type Store } from '../store/index.js';
import type { CallCircuit } from './circuit.js';
import type { Fallback } from './fallback.js';
import type { LocalAdmission, Settlement } from './settlement.js';
import type { CallEnd } from './store-calls.js';

/** The parts of a guard that a charge needs. */
export interface ChargeParts {
  readonly fallback: Fallback;
  readonly settlement: Settlement;
  readonly follower: ChargeFollower;
}

/** Follows charges and their corrections. */
export interface ChargeFollower {
  /** Receives each decision just before the caller does. */
  decided(decision: Decision): void;
  /** A charge that cost `cost` costs `actualCost` from now on: 0 after a refund. A debit cost 0 before. */
  corrected(charge: PreparedCharge, cost: number, actualCost: number): void;
}

/**
 * A charge on its way to the store and back. If the store answers too late, the caller has another decision by then.
 * The two are reconciled here: a request that passed is counted once, and a request that did not is not counted.
 */
export class PendingCharge implements CallEnd<Decision>, Correction {
  readonly #parts: ChargeParts;
  readonly #charge: PreparedCharge;
  readonly #circuit: CallCircuit;
  /** Whether the request passed without the store. */
  #allowed = false;
  #local: LocalAdmission | undefined = undefined;
  /** The local copy of an admission of the store. */
  #copy: Admission | undefined = undefined;

  constructor(parts: ChargeParts, charge: PreparedCharge, circuit: CallCircuit) {
    this.#parts = parts;
    this.#charge = charge;
    this.#circuit = circuit;
  }

  isAnswer(value: unknown): boolean {
    return isOutcomeFor(this.#charge, value);
  }

  answered(outcome: Outcome): Decision {
    const isCharged = outcome.allowed && this.#charge.cost > 0;
    if (isCharged) {
      const refusal = this.#parts.settlement.refusal(this.#charge);
      if (refusal !== undefined) return this.#refuse(outcome, refusal);
      this.#copy = this.#parts.fallback.follow(this.#charge);
    }
    return decideAsStore(this.#parts, this.#charge, outcome, isCharged ? this : undefined);
  }

  failed({ charged }: StoreError): Decision {
    return this.decideWithout(charged);
  }

  /** Decides without the store, which certainly has not counted the charge (`'no'`), or may have. */
  decideWithout(charged: StoreError['charged']): Decision {
    const { fallback, settlement, follower } = this.#parts;
    const decision = fallback.consume(this.#charge, this.#circuit, this);
    const isCharged = decision.source === 'local' && decision.reason === 'admitted' && decision.cost > 0;
    this.#allowed = decision.allowed;
    this.#local = isCharged ? settlement.admitLocally(this.#charge) : undefined;
    if (charged === 'no') this.#owe();
    else if (this.#local !== undefined) settlement.doubt(this.#charge, this.#local);
    follower.decided(decision);
    return decision;
  }

  answeredLate(outcome: Outcome): void {
    if (this.#charge.cost === 0) return;
    if (this.#local !== undefined) this.#parts.settlement.resolve(this.#local);
    if (!outcome.allowed) {
      this.#owe();
      return;
    }
    const { less } = this.#allowed ? this.#change : { less: this.#charge };
    if (less !== undefined) this.#parts.settlement.giveBack(less, outcome);
    else if (this.#local !== undefined) this.#local.stored = outcome;
  }

  failedLate({ charged }: StoreError): void {
    if (charged !== 'no') return;
    if (this.#local !== undefined) this.#parts.settlement.resolve(this.#local);
    this.#owe();
  }

  get store(): Store {
    return this.#parts.settlement.store;
  }

  get isLocal(): boolean {
    return this.#local !== undefined;
  }

  claim(charge: PreparedCharge, id: string): MaybePromise<boolean> {
    return this.#parts.settlement.claim(charge, id);
  }

  settle(charge: PreparedCharge, outcome: Outcome, actualCost: number): MaybePromise<void> {
    const { settlement, follower } = this.#parts;
    follower.corrected(charge, charge.cost, actualCost);
    return this.#local === undefined
      ? settlement.settle(charge, outcome, actualCost, this.#copy)
      : settlement.settleLocal(charge, outcome, actualCost, this.#local);
  }

  /** The store has admitted the charge, and what this process has admitted alone leaves no room for it. */
  #refuse(outcome: Outcome, refusal: Outcome): Decision {
    const { settlement, follower } = this.#parts;
    settlement.giveBack(this.#charge, outcome);
    const decision = new Decision(this.#charge, this.#charge.resolution, refusal, 'local');
    follower.decided(decision);
    return decision;
  }

  /** What the store has to change in its admission, as the charge was corrected meanwhile. */
  get #change(): CostChange {
    const local = this.#local;
    return local === undefined || local.cost === this.#charge.cost ? {} : costChange(this.#charge, local.cost);
  }

  #owe(): void {
    if (this.#local !== undefined) this.#parts.settlement.owe(this.#charge, this.#local);
  }
}

/** The decision for an outcome of the store. `correction` corrects what the store has charged. */
export function decideAsStore(
  { fallback, follower }: ChargeParts,
  charge: PreparedCharge,
  outcome: Outcome,
  correction?: Correction,
): Decision {
  if (outcome.throttledMs !== undefined) fallback.followThrottling(charge, outcome.throttledMs);
  const decision = new Decision(charge, charge.resolution, outcome, 'store', correction);
  follower.decided(decision);
  return decision;
}

/** Whether a store's answer is an outcome for the quotas and counters of the charge. */
export function isOutcomeFor({ resolution: { quotas, counters } }: PreparedCharge, value: unknown): value is Outcome {
  return isOutcome(value, quotas.length, counters.length);
}
