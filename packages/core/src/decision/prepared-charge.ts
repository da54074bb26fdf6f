import type { Limits, Resolution } from '../policy/index.js';
import type { Outcome } from '../store/index.js';
import type { Subjects } from './subjects.js';

/** A checked charge with all that a store needs to know of it. */
export interface PreparedCharge {
  readonly account: string | undefined;
  readonly address: string | undefined;
  readonly category: string;
  readonly cost: number;
  /** The name under which the store keeps the counters; see `ownerOf`. */
  readonly owner: string;
  readonly subjects: Subjects | undefined;
  /** `NO_LIMITS` until the policy has been asked. */
  resolution: Resolution;
  /**
   * Limits that are only observed, beside others that are enforced. Few charges have any, and others no field for it.
   */
  observed?: Observed | undefined;
  /** Set for several charges that are decided as one. */
  readonly joined?: Joined | undefined;
}

/** Limits that are decided beside a charge, and refuse nothing. */
export interface Observed {
  readonly limits: Limits;
  /** `undefined` until the store has answered, and if it has failed. */
  outcome: Outcome | undefined;
}

/** What several charges that were made into one have been. */
export interface Joined {
  /** The charges, each with the places of its quotas among those of the decision. */
  readonly parts: readonly { readonly charge: PreparedCharge; readonly places: readonly number[] }[];
  /** For each counter, how many of the charges it counts. */
  readonly shares: readonly number[];
  /** The same for the counters of limits that are only observed. */
  readonly observedShares: readonly number[];
}
