import type { Decision } from '../decision/index.js';
import type { Health } from '../outage/index.js';
import type { Policy, Suspension } from '../policy/index.js';
import type { UsageStats } from '../usage/index.js';

/** One charge as the limiter decided it, and as its candidate would have. */
export interface Comparison {
  readonly decision: Decision;
  /** Made on counters of its own; it has no receipt. */
  readonly candidate: Decision;
  /** Whether one refuses, or would refuse, a charge that the other lets pass. */
  readonly differs: boolean;
}

/** The events of `limiter.on`, by name, with the argument of their listeners. */
export interface LimiterEvents {
  /** A shard of the store went down or came back, or a suspension began or ended. */
  readonly health: Health;
  /** An observed limit would have refused a charge. */
  readonly wouldRefuse: Decision;
  /** A throttling began with this refusal. */
  readonly throttled: Decision;
  /** A candidate decided beside the policy. */
  readonly candidate: Comparison;
  /** The policy in force from now on. */
  readonly policy: Policy;
  /** Limiting is suspended; `undefined`: it is enforced again. */
  readonly suspension: Suspension | undefined;
}

/** The counts of a limiter since it was made. */
export interface LimiterStats {
  /** Charges that the limiter has decided, whatever came of them. 0 long after the start: nothing asks this limiter. */
  readonly decisions: number;
  /** Charges that passed although a limit refused them, because the limit is only observed. */
  readonly wouldRefuse: number;
  /** Throttlings that began with a charge of this limiter. */
  readonly throttlings: number;
  /** Refunds, settled charges and debits. */
  readonly corrections: number;
  /** Charges that passed uncounted while limiting was suspended. */
  readonly suspended: number;
  /** Charges whose account source failed or did not answer in time, so that the policy alone decided. */
  readonly sourceFailures: number;
  /** Calls of a function among an adapter's options that failed, so that the request was decided without its answer. */
  readonly functionFailures: number;
  /** The number of policies, the one in force included: 1 until `setPolicy` is first called. */
  readonly policyVersion: number;
  /** How the candidates decided, beside the policy. */
  readonly candidate: {
    readonly bothAllow: number;
    readonly bothRefuse: number;
    readonly onlyCandidateRefuses: number;
    readonly onlyCandidateAllows: number;
    /** Charges without a decision of the candidate, because the store failed. */
    readonly undecided: number;
  };
  /** The counts of the option `usage`; `undefined` without that option. */
  readonly usage: UsageStats | undefined;
}
