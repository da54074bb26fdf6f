import type { Decision } from '../decision/index.js';
import type { CallFollower, HealthWatch } from '../outage/index.js';
import type { Policy, Suspension } from '../policy/index.js';
import {
  CIRCUIT,
  DECISION,
  LIMITER,
  type ObservedLimiter,
  POLICY,
  REFUSAL,
  STORE_CALL,
  STORE_STATE,
  type StoreCallMessage,
  SUSPENSION,
  WOULD_REFUSE,
} from './channels.js';
import { Throttlings } from './throttling-watch.js';

/** Publishes what one limiter does. Where nobody subscribes, nothing is made and next to nothing is looked at. */
export class LimiterChannels implements CallFollower {
  readonly #limiter: ObservedLimiter;
  readonly #throttlings: Throttlings;
  #state: HealthWatch['state'] = 'up';
  /** The parts of the store that were last known to be down. */
  #down: ReadonlySet<string> = new Set();
  /** How many policies the limiter has had. */
  policyVersion = 1;

  constructor(limiter: ObservedLimiter) {
    this.#limiter = limiter;
    this.#throttlings = new Throttlings(limiter);
  }

  made(): void {
    if (LIMITER.hasSubscribers) LIMITER.publish({ limiter: this.#limiter, state: 'made' });
  }

  closed(): void {
    this.#throttlings.forget();
    if (LIMITER.hasSubscribers) LIMITER.publish({ limiter: this.#limiter, state: 'closed' });
  }

  /** Runs with every charge. */
  decided(decision: Decision): void {
    if (DECISION.hasSubscribers) DECISION.publish({ limiter: this.#limiter, decision });
    if (!this.#throttlings.isEmpty) this.#throttlings.notice(decision);
    if (decision.reason !== 'admitted') this.#notAdmitted(decision);
  }

  get wantsCalls(): boolean {
    return STORE_CALL.hasSubscribers;
  }

  get wantsContext(): boolean {
    return DECISION.hasSubscribers;
  }

  called(durationMs: number, outcome: StoreCallMessage['outcome'], error: StoreCallMessage['error']): void {
    STORE_CALL.publish({ limiter: this.#limiter, durationMs, outcome, error });
  }

  storeChanged(health: HealthWatch): void {
    const { state } = health;
    const down = new Set(health.shards().map(({ name }) => name));
    const before = this.#down;
    const previous = this.#state;
    this.#down = down;
    this.#state = state;
    if (CIRCUIT.hasSubscribers) {
      for (const shard of before) if (!down.has(shard)) this.#circuit(shard, 'closed');
      for (const shard of down) if (!before.has(shard)) this.#circuit(shard, 'open');
    }
    if (state !== previous && STORE_STATE.hasSubscribers) {
      STORE_STATE.publish({ limiter: this.#limiter, state, previous });
    }
  }

  policyChanged(policy: Policy, previous: Policy): void {
    this.policyVersion++;
    if (!POLICY.hasSubscribers) return;
    POLICY.publish({ limiter: this.#limiter, policy, previous, version: this.policyVersion });
  }

  suspensionChanged(suspension: Suspension | undefined): void {
    if (SUSPENSION.hasSubscribers) SUSPENSION.publish({ limiter: this.#limiter, suspension });
  }

  #notAdmitted(decision: Decision): void {
    if (!decision.allowed) {
      if (REFUSAL.hasSubscribers) REFUSAL.publish({ limiter: this.#limiter, decision });
    } else if (decision.wouldRefuse) {
      if (WOULD_REFUSE.hasSubscribers) WOULD_REFUSE.publish({ limiter: this.#limiter, decision });
    }
    if (decision.beganThrottling) this.#throttlings.begun(decision);
  }

  #circuit(shard: string, state: 'open' | 'closed'): void {
    CIRCUIT.publish({ limiter: this.#limiter, shard, state });
  }
}
