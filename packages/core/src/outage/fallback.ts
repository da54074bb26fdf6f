import { type Correction, Decision, type PreparedCharge } from '../decision/index.js';
import { type Admission, countersOf, MemoryStore } from '../memory/index.js';
import { type Limits, NO_LIMITS } from '../policy/index.js';
import type { CounterSpec, Outcome } from '../store/index.js';
import type { CallCircuit } from './circuit.js';

/** Decides instead of the store while it fails, by the policy's `onStoreFailure`. */
export class Fallback {
  readonly #given: MemoryStore | undefined;
  #own: MemoryStore | undefined;
  #closed = false;
  decidedLocally = 0;
  allowedUnchecked = 0;
  deniedUnchecked = 0;

  constructor(localStore: MemoryStore | undefined) {
    this.#given = localStore;
  }

  /** The local store, made when it is first needed. */
  get local(): MemoryStore {
    if (this.#given !== undefined) return this.#given;
    this.#own ??= new MemoryStore();
    return this.#own;
  }

  /** `correction` corrects a charge that the local store admits. */
  consume(charge: PreparedCharge, circuit: CallCircuit, correction: Correction): Decision {
    const { owner, cost, resolution } = charge;
    if (resolution.onStoreFailure === 'local') {
      this.decidedLocally++;
      const outcome = this.local.consume(owner, resolution.local.counters, cost);
      const isCharged = outcome.allowed && cost > 0;
      return new Decision(charge, resolution.local, outcome, 'local', isCharged ? correction : undefined);
    }
    if (resolution.onStoreFailure === 'allow') this.allowedUnchecked++;
    else this.deniedUnchecked++;
    return unchecked(charge, circuit);
  }

  peek(charge: PreparedCharge, circuit: CallCircuit): Decision {
    const { owner, cost, resolution } = charge;
    if (resolution.onStoreFailure !== 'local') return unchecked(charge, circuit);
    const outcome = this.local.peek(owner, resolution.local.counters, cost);
    return new Decision(charge, resolution.local, outcome, 'local');
  }

  /**
   * Counts here what the store has admitted, so that an outage does not start with fresh quotas. The result is for
   * {@link takeBack}.
   */
  follow({ owner, cost, resolution }: PreparedCharge): Admission | undefined {
    // A receipt may outlive its limiter, and be given to another limiter on the same store.
    if (this.#closed || resolution.onStoreFailure !== 'local') return undefined;
    const { now, token } = countersOf(this.local).record(owner, resolution.local.counters, cost, 0);
    return { now, token };
  }

  /**
   * The local copy's refusal by the full limits, if the charge does not fit what this process has admitted on one of
   * the counters `behind`. On the others, the store alone decides.
   */
  refusal({ owner, cost, resolution }: PreparedCharge, behind: readonly CounterSpec[]): Outcome | undefined {
    if (this.#closed || resolution.onStoreFailure !== 'local') return undefined;
    if (this.local.peek(owner, withoutThrottles(behind), cost).allowed) return undefined;
    const outcome = this.local.peek(owner, withoutThrottles(resolution.counters), cost);
    // The clock may have moved on.
    if (outcome.allowed) return undefined;
    this.decidedLocally++;
    return outcome;
  }

  /** Throttles here what the store has throttled, so that an outage does not end a throttling. */
  followThrottling({ owner, resolution }: PreparedCharge, throttledMs: readonly number[]): void {
    if (resolution.onStoreFailure === 'local') this.local.throttle(owner, resolution.local.counters, throttledMs);
  }

  takeBack({ owner, cost, resolution }: PreparedCharge, admission: Admission): void {
    // A receipt may outlive its limiter, and be given to another limiter on the same store.
    if (!this.#closed) this.local.refund(owner, resolution.local.counters, cost, admission);
  }

  reset(owner: string, counter: string | undefined, limiter: string): void {
    (this.#given ?? this.#own)?.reset(owner, counter, limiter);
  }

  pardon(owner: string, counter: string | undefined, limiter: string): void {
    (this.#given ?? this.#own)?.pardon(owner, counter, limiter);
  }

  close(): void {
    this.#closed = true;
    this.#own?.close();
  }
}

/** The store's own throttles decide. */
function withoutThrottles(counters: readonly CounterSpec[]): readonly CounterSpec[] {
  return counters.map(({ throttle: _, ...counter }) => counter);
}

function unchecked(charge: PreparedCharge, circuit: CallCircuit): Decision {
  const { mode, onStoreFailure } = charge.resolution;
  const allowed = onStoreFailure === 'allow';
  const limits: Limits = { ...NO_LIMITS, mode };
  const retryAfterMs = allowed ? 0 : circuit.nextProbeMs;
  const outcome: Outcome = { allowed, now: 0, used: [], resetAfterMs: [], retryAfterMs, token: undefined };
  return new Decision(charge, limits, outcome, 'none', undefined, 'store-unavailable');
}
