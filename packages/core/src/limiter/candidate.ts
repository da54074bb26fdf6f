import {
  blockedDecision,
  blockedOutcome,
  Decision,
  FREE,
  joinCharges,
  type PreparedCharge,
} from '../decision/index.js';
import type { Comparison, LimiterStats } from '../observe/index.js';
import type { StoreGuard } from '../outage/index.js';
import { type Block, type Policy, Resolutions } from '../policy/index.js';
import { isPromise, type MaybePromise } from '../promises.js';
import type { Outcome } from '../store/index.js';
import { ObservedCharge, observedPart } from './observed-charge.js';

/** Counts how often the candidates agreed with the policy. */
export class TrialTally {
  bothAllow = 0;
  bothRefuse = 0;
  onlyCandidateRefuses = 0;
  onlyCandidateAllows = 0;
  undecided = 0;

  describe(): LimiterStats['candidate'] {
    const { bothAllow, bothRefuse, onlyCandidateRefuses, onlyCandidateAllows, undecided } = this;
    return { bothAllow, bothRefuse, onlyCandidateRefuses, onlyCandidateAllows, undecided };
  }

  /** Counts a pair of decisions, and returns whether they differ. */
  count(decision: Decision, candidate: Decision): boolean {
    const allows = decision.allowed && !decision.wouldRefuse;
    const candidateAllows = candidate.allowed && !candidate.wouldRefuse;
    if (allows) {
      if (candidateAllows) this.bothAllow++;
      else this.onlyCandidateRefuses++;
    } else if (candidateAllows) {
      this.onlyCandidateAllows++;
    } else {
      this.bothRefuse++;
    }
    return allows !== candidateAllows;
  }
}

/**
 * A candidate policy: it decides live charges beside the policy in force, on counters of its own. No request waits for
 * it.
 */
export class Trial {
  readonly policy: Policy;
  /** On counters of its own. */
  readonly resolutions: Resolutions;
  readonly #guard: StoreGuard;
  readonly #tally: TrialTally;
  readonly #onComparison: (comparison: Comparison) => void;

  /** `prefix` begins the names of the limiter's own counters. */
  constructor(
    policy: Policy,
    prefix: string,
    guard: StoreGuard,
    tally: TrialTally,
    onComparison: (comparison: Comparison) => void,
  ) {
    this.policy = policy;
    this.resolutions = new Resolutions(`${prefix}${TRIAL_PREFIX}`);
    this.#guard = guard;
    this.#tally = tally;
    this.#onComparison = onComparison;
  }

  /**
   * Lets the candidate decide a charge whose `decision` has been made, or is under way: on Redis both charges leave in
   * one call. The trial's charge has one of its resolutions, and the candidate may block it.
   */
  judge(trial: PreparedCharge, block: Block | undefined, decision: MaybePromise<Decision>): void {
    const isObserved = block === undefined && trial.resolution.observed !== undefined;
    const observed = isObserved ? new ObservedCharge(this.#guard, 'consume', trial) : undefined;
    const outcome = this.#ask(trial, block);
    // The candidate's own refusal takes a request out of the limits that it observes, and the policy's does not.
    const decided = (outcome: Outcome | undefined) => {
      if (outcome?.allowed === false) observed?.giveBack();
    };
    if (isPromise(outcome)) outcome.then(decided);
    else decided(outcome);
    const follow = (decision: Decision, outcome: MaybePromise<Outcome | undefined>) => {
      if (trial.cost === 0) return;
      decision.receipt?.accompany((actualCost) => {
        observed?.settle(actualCost);
        this.#settle(trial, outcome, actualCost);
      });
    };
    if (!isPromise(decision) && !isPromise(outcome)) {
      follow(decision, outcome);
      this.#compare(trial, block, decision, outcome);
      return;
    }
    // The caller starts to wait after this line, so the receipt is complete when the caller has it.
    const followed = isPromise(decision)
      ? decision.then((made) => {
          follow(made, outcome);
          return made;
        })
      : decision;
    if (!isPromise(followed)) follow(followed, outcome);
    Promise.all([followed, outcome]).then(
      ([made, outcome]) => this.#compare(trial, block, made, outcome),
      () => {},
    );
  }

  /** The same for several charges at once. Where the candidate has two limits for one counter, it decides nothing. */
  judgeAll(trials: readonly PreparedCharge[], block: Block | undefined, decision: MaybePromise<Decision>): void {
    let joined: PreparedCharge;
    try {
      joined = joinCharges(trials);
    } catch {
      this.#tally.undecided++;
      return;
    }
    this.judge(joined, block, decision);
  }

  /** Counts a debit on the candidate's counters too. The trial's charge has one of its resolutions. */
  debit(trial: PreparedCharge): void {
    const observed = observedPart(trial);
    if (trial.resolution.counters.length > 0) this.#guard.debitBeside(trial);
    if (observed !== undefined) this.#guard.debitBeside(observed);
  }

  #ask(trial: PreparedCharge, block: Block | undefined): MaybePromise<Outcome | undefined> {
    if (block !== undefined) return blockedOutcome(block);
    return trial.resolution.counters.length === 0 ? FREE : this.#guard.consumeBeside(trial);
  }

  #compare(trial: PreparedCharge, block: Block | undefined, decision: Decision, outcome: Outcome | undefined): void {
    if (outcome === undefined || decision.reason === 'store-unavailable') {
      this.#tally.undecided++;
      return;
    }
    const candidate =
      block === undefined ? new Decision(trial, trial.resolution, outcome, 'store') : blockedDecision(trial, block);
    const differs = this.#tally.count(decision, candidate);
    this.#onComparison({ decision, candidate, differs });
  }

  #settle(trial: PreparedCharge, outcome: MaybePromise<Outcome | undefined>, actualCost: number): void {
    if (isPromise(outcome)) outcome.then((outcome) => this.#settle(trial, outcome, actualCost));
    else if (outcome?.allowed && outcome !== FREE) this.#guard.settleBeside(trial, outcome, actualCost);
  }
}

/** No counter of a policy starts with it. */
const TRIAL_PREFIX = '*/';
