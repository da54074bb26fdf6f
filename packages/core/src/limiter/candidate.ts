import { Decision, FREE } from '../decision/index.js';
import type { Comparison, LimiterStats } from '../observe/index.js';
import type { Charged, StoreGuard } from '../outage/index.js';
import type { Limits, Policy, Resolution } from '../policy/index.js';
import { isPromise, type MaybePromise } from '../promises.js';
import type { Outcome } from '../store/index.js';

/** How often a candidate agreed with the policy. */
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

  /** Counts the pair in, and tells whether the two differ. */
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
 * A policy that is tried on live charges: it decides each of them beside the one in force, on counters of its own, and no
 * one waits for it.
 */
export class Trial {
  readonly policy: Policy;
  readonly #guard: StoreGuard;
  readonly #tally: TrialTally;
  readonly #compared: (comparison: Comparison) => void;
  /** The candidate's resolutions, on the counters of the trial. */
  readonly #apart = new WeakMap<Resolution, Resolution>();

  constructor(policy: Policy, guard: StoreGuard, tally: TrialTally, compared: (comparison: Comparison) => void) {
    this.policy = policy;
    this.#guard = guard;
    this.#tally = tally;
    this.#compared = compared;
  }

  /** Has the candidate decide what was just decided, or is about to be: on Redis both then leave in one call. */
  judge(
    charge: Charged,
    account: string,
    cost: number,
    resolution: Resolution,
    decision: MaybePromise<Decision>,
  ): void {
    const own = this.#onOwnCounters(resolution);
    const outcome = own.counters.length === 0 ? FREE : this.#guard.try(account, own, cost);
    const follow = (decision: Decision, outcome: MaybePromise<Outcome | undefined>) => {
      if (cost > 0) decision.receipt?.accompany(() => this.#takeBack(account, own, cost, outcome));
    };
    if (!isPromise(decision) && !isPromise(outcome)) {
      follow(decision, outcome);
      this.#compare(charge, cost, own, decision, outcome);
      return;
    }
    // The caller's own wait begins after this one, so its receipt is already accompanied when it has it.
    const followed = isPromise(decision)
      ? decision.then((made) => {
          follow(made, outcome);
          return made;
        })
      : decision;
    if (!isPromise(followed)) follow(followed, outcome);
    Promise.all([followed, outcome]).then(
      ([made, outcome]) => this.#compare(charge, cost, own, made, outcome),
      () => {},
    );
  }

  /** The name that a counter of the policy has in the trial. No counter of a policy begins with this mark. */
  static counterName(name: string): string {
    return `*/${name}`;
  }

  #compare(charge: Charged, cost: number, limits: Limits, decision: Decision, outcome: Outcome | undefined): void {
    if (outcome === undefined || decision.reason === 'store-unavailable') {
      this.#tally.undecided++;
      return;
    }
    const candidate = new Decision(charge, charge.category, cost, limits, outcome, undefined, 'store');
    const differs = this.#tally.count(decision, candidate);
    this.#compared({ decision, candidate, differs });
  }

  #takeBack(account: string, resolution: Resolution, cost: number, outcome: MaybePromise<Outcome | undefined>): void {
    if (isPromise(outcome)) outcome.then((outcome) => this.#takeBack(account, resolution, cost, outcome));
    else if (outcome?.allowed && outcome !== FREE) this.#guard.untry(account, resolution, cost, outcome);
  }

  #onOwnCounters(resolution: Resolution): Resolution {
    let apart = this.#apart.get(resolution);
    if (apart === undefined) {
      const counters = resolution.counters.map((counter) => ({ ...counter, name: Trial.counterName(counter.name) }));
      apart = { ...resolution, counters };
      this.#apart.set(resolution, apart);
    }
    return apart;
  }
}
