import type { CounterSpec, Quota, Throttle } from '../store/index.js';
import type { Mode } from './layer.js';
import type { StoreFailureMode } from './on-store-failure.js';

/** A quota that applies to a request, under the name that its decision shows. */
export interface AppliedQuota {
  readonly name: string;
  /** Whose limit it is: the category's, the account's over all categories, a subject's, or that of everybody. */
  readonly scope: 'category' | 'total' | 'subject' | 'service';
  /** With the scope `'subject'`: the kind of the subject, as the policy's `each` names it. */
  readonly subject?: string;
  readonly limit: number;
  readonly windowMs: number;
}

/** Which limits apply, and on which counters they are counted. */
export interface Limits {
  /**
   * The counters to charge: the category's, the account's total, the service's, those of subjects. A counter without
   * quotas is left out.
   */
  readonly counters: readonly CounterSpec[];
  /** All quotas of all counters, in the order of the counters. */
  readonly quotas: readonly AppliedQuota[];
  /** For each quota, the index of its counter. */
  readonly counterOfQuota: readonly number[];
  /**
   * The kinds of subjects of the last counters. As a policy resolves them, their names are those of the kinds; see
   * `subjectCounterName`.
   */
  readonly subjects: readonly string[];
  /** `'observe'` refuses nothing. */
  readonly mode: Mode;
}

/** All that a policy decides for a request. Immutable; requests with the same limits share one object. */
export interface Resolution extends Limits {
  /** What decides while the store fails. */
  readonly onStoreFailure: StoreFailureMode;
  /** The limits while this process decides alone: the same counters, each limit multiplied by `localShare`. */
  readonly local: Limits;
  /** Set where some limits are enforced and others observed: the latter. They are decided apart. */
  readonly observed?: Limits;
}

/** The limits of a request that nothing limits. */
export const NO_LIMITS: Resolution = {
  counters: [],
  quotas: [],
  counterOfQuota: [],
  subjects: [],
  mode: 'enforce',
  onStoreFailure: 'local',
  local: { counters: [], quotas: [], counterOfQuota: [], subjects: [], mode: 'enforce' },
};

/** A value and the place in the policy that it comes from. */
export interface Explained<T> {
  readonly value: T;
  /** A path such as `policy.plans.enterprise.categories.legs`; `undefined` for a default that no layer sets. */
  readonly from: string | undefined;
}

/** What applies to a request, and why. An empty list of quotas stands for `'unlimited'`. */
export interface Explanation {
  readonly quotas: Explained<readonly Quota[]>;
  readonly total: Explained<readonly Quota[]>;
  /** The throttle of the category's counter. */
  readonly throttle: Explained<Throttle | undefined>;
  /** The throttle of the total's counter. */
  readonly totalThrottle: Explained<Throttle | undefined>;
  readonly mode: Explained<Mode>;
  readonly onStoreFailure: StoreFailureMode;
  /** The names of the charged counters. */
  readonly counters: readonly string[];
}
