import type { Decision } from '../decision/index.js';
import type { Health } from '../outage/index.js';
import type { Policy, Suspension } from '../policy/index.js';
import type { UsageStats } from '../usage/index.js';

/** One charge as the limiter decided it, and as its candidate would have. */
export interface Comparison {
  readonly decision: Decision;
  /** Made on counters of its own; it has no receipt. */
  readonly candidate: Decision;
  /** Whether one refuses, or would refuse, what the other lets through. */
  readonly differs: boolean;
}

/** What a limiter tells its listeners, by the name of the event. */
export interface LimiterEvents {
  /** A part of the store has gone down or come back. */
  readonly health: Health;
  /** An observed limit would have refused a charge. */
  readonly wouldRefuse: Decision;
  /** A counter is throttled from this refusal on. */
  readonly throttled: Decision;
  /** A candidate has decided beside the policy. */
  readonly candidate: Comparison;
  /** The policy in force from now on. */
  readonly policy: Policy;
  /** Limiting is suspended; `undefined`: it goes on. */
  readonly suspension: Suspension | undefined;
}

export const LIMITER_EVENTS: readonly (keyof LimiterEvents)[] = [
  'health',
  'wouldRefuse',
  'throttled',
  'candidate',
  'policy',
  'suspension',
];

/** What a limiter has counted since it was made. */
export interface LimiterStats {
  /** Charges that were let through although a limit refused them, because it is only observed. */
  readonly wouldRefuse: number;
  /** Throttlings that began with a charge of this limiter. */
  readonly throttlings: number;
  /** Charges that were let through unlimited and uncounted while limiting was suspended. */
  readonly suspended: number;
  /** Accounts whose source failed or did not answer in time, so that the policy alone decided: counted in charges. */
  readonly sourceFailures: number;
  /** How many policies it has had, the one in force included: 1 until `setPolicy` is first called. */
  readonly policyVersion: number;
  /** How the candidates decided, beside the policy. */
  readonly candidate: {
    readonly bothAllow: number;
    readonly bothRefuse: number;
    readonly onlyCandidateRefuses: number;
    readonly onlyCandidateAllows: number;
    /** Charges that the candidate did not decide, because the store failed. */
    readonly undecided: number;
  };
  /** What has become of the requests that were counted for `usage`; `undefined` without that option. */
  readonly usage: UsageStats | undefined;
}
