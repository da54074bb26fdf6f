import type { CounterSpec, Quota, Throttle } from '../store/index.js';
import type { Block } from './blocked.js';
import type { Mode } from './layer.js';
import type { StoreFailureMode } from './on-store-failure.js';

/** A quota that applies to a request, under the name that its decision shows. */
export interface AppliedQuota {
  readonly name: string;
  readonly scope: 'category' | 'total' | 'subject' | 'service';
  /** The kind of the subject, with the scope `'subject'`. */
  readonly subject?: string;
  readonly limit: number;
  readonly windowMs: number;
}

/** Which limits apply, and on which counters they are counted. */
export interface Limits {
  /**
   * The counters to charge: the category's, the account's total, the service's, then one for each kind of subject. A
   * counter without quotas is left out. The name of a subject's counter is that of its kind: see `subjectCounterName`.
   */
  readonly counters: readonly CounterSpec[];
  /** All quotas of all counters, in the order of the counters. */
  readonly quotas: readonly AppliedQuota[];
  /** For each quota, the index of its counter. */
  readonly counterOfQuota: readonly number[];
  /** The kinds of the last counters, in their order. */
  readonly subjects: readonly string[];
  /** `'observe'` refuses nothing. */
  readonly mode: Mode;
}

/** The limits of one charge. */
export interface AllLimits extends Limits {
  /** The observed limits, where others are enforced: then the limits beside it are the enforced ones. */
  readonly observed?: Limits;
}

/** All that a policy decides for a request. Immutable; requests with the same limits share one object. */
export interface Resolution extends AllLimits {
  /** What decides while the store fails. */
  readonly onStoreFailure: StoreFailureMode;
  /**
   * The limits while this process decides alone: the same counters, each limit multiplied by `localShare`. Without
   * those that are observed beside enforced ones.
   */
  readonly local: Limits;
}

const NOTHING: Limits = { counters: [], quotas: [], counterOfQuota: [], subjects: [], mode: 'enforce' };

/** The limits of a request that nothing limits. */
export const NO_LIMITS: Resolution = { ...NOTHING, onStoreFailure: 'local', local: NOTHING };

/** A value and the place in the policy that it comes from. */
export interface Explained<T> {
  readonly value: T;
  /** A path such as `policy.plans.enterprise.categories.legs`; `undefined` for a default that no layer sets. */
  readonly from: string | undefined;
}

/** The settings of one counter. An empty list of quotas stands for `'unlimited'`. */
export interface ExplainedCounter {
  readonly quotas: Explained<readonly Quota[]>;
  readonly throttle: Explained<Throttle | undefined>;
  readonly mode: Explained<Mode>;
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
  /** The settings of each kind of subject that the request names and the policy has. */
  readonly each: Readonly<Record<string, ExplainedCounter>>;
  readonly service: ExplainedCounter;
  /** The block that refuses the request; `undefined` if none does. */
  readonly block: Block | undefined;
  readonly onStoreFailure: StoreFailureMode;
  /** The names of the charged counters. */
  readonly counters: readonly string[];
}
