import type { Decision, PreparedCharge } from '../decision/index.js';
import type { StoreGuard } from '../outage/index.js';
import { isPromise, type MaybePromise } from '../promises.js';
import type { Outcome } from '../store/index.js';

/**
 * The charge of limits that are only observed, where a request has others that are enforced. It is asked just before
 * the enforced ones and leaves in the same call of the store, but no request waits for it: where its answer does not
 * come first, it is not in the decision.
 */
export class ObservedCharge {
  readonly #guard: StoreGuard;
  readonly #charge: PreparedCharge;
  readonly #outcome: MaybePromise<Outcome | undefined>;
  #isGivenBack = false;

  /** Asks. The charge's resolution has limits to observe. */
  constructor(guard: StoreGuard, method: 'consume' | 'peek', charge: PreparedCharge) {
    this.#guard = guard;
    this.#charge = observedPart(charge)!;
    const observed = { limits: this.#charge.resolution, outcome: undefined as Outcome | undefined };
    charge.observed = observed;
    this.#outcome = guard.consumeBeside(this.#charge, method, (outcome) => {
      observed.outcome = outcome;
    });
  }

  /** The decision on the enforced limits is made: a refused request counts nowhere, and corrections concern both. */
  follow(decision: Decision): void {
    if (!decision.allowed) this.giveBack();
    else decision.receipt?.accompany((actualCost) => this.settle(actualCost));
  }

  /** Corrects the charge, unless it was given back. */
  settle(actualCost: number): void {
    if (!this.#isGivenBack) this.#settle(actualCost, this.#outcome);
  }

  giveBack(): void {
    this.settle(0);
    this.#isGivenBack = true;
  }

  #settle(actualCost: number, outcome: MaybePromise<Outcome | undefined>): void {
    if (isPromise(outcome)) outcome.then((outcome) => this.#settle(actualCost, outcome));
    else if (outcome?.allowed) this.#guard.settleBeside(this.#charge, outcome, actualCost);
  }
}

/** The charge on the limits that are only observed, where others are enforced. */
export function observedPart(charge: PreparedCharge): PreparedCharge | undefined {
  const { resolution, joined } = charge;
  const limits = resolution.observed;
  if (limits === undefined) return undefined;
  return {
    ...charge,
    resolution: { ...limits, onStoreFailure: 'local', local: limits },
    joined: joined && { parts: [], shares: joined.observedShares, observedShares: [] },
  };
}
