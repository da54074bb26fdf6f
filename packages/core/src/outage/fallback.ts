import type { Clock } from '../clock.js';
import { Decision, type Identity, Receipt, type Undo } from '../decision/index.js';
import { type Admission, countersOf, MemoryStore } from '../memory/index.js';
import type { Limits, Resolution } from '../policy/index.js';
import type { Outcome } from '../store/index.js';
import type { Circuit } from './circuit.js';
import type { JournalEntry } from './journal.js';

/** Who is charged for what, as the limiter was asked. */
export type Charged = Identity & { readonly category: string };

/** A charge that this process admitted by itself, and what has become of it since. */
export class LocalCharge {
  readonly outcome: Outcome;
  /** When, on the limiter's own clock. */
  readonly at: number;
  refunded = false;
  /** Where it is written down for the store. */
  entry: JournalEntry | undefined = undefined;
  /** The store's own admission of it, which was answered too late. */
  stored: Outcome | undefined = undefined;

  constructor(outcome: Outcome, at: number) {
    this.outcome = outcome;
    this.at = at;
  }
}

/** Decides in the store's place while it fails, by the mode that the policy says. */
export class Fallback {
  readonly #given: MemoryStore | undefined;
  readonly #clock: Clock;
  readonly #undo: Undo<LocalCharge>;
  #own: MemoryStore | undefined;
  #closed = false;
  decidedLocally = 0;
  allowedUnchecked = 0;
  deniedUnchecked = 0;

  /** `undo` takes back a {@link LocalCharge}. */
  constructor(localStore: MemoryStore | undefined, clock: Clock, undo: Undo<LocalCharge>) {
    this.#given = localStore;
    this.#clock = clock;
    this.#undo = undo;
  }

  /** The local store, made when it is first needed. */
  get local(): MemoryStore {
    if (this.#given !== undefined) return this.#given;
    this.#own ??= new MemoryStore();
    return this.#own;
  }

  /** Decides a charge; with it, what there is to settle with the store later. */
  consume(
    charge: Charged,
    account: string,
    cost: number,
    resolution: Resolution,
    circuit: Circuit,
  ): { readonly decision: Decision; readonly local: LocalCharge | undefined } {
    if (resolution.onStoreFailure !== 'local') {
      if (resolution.onStoreFailure === 'allow') this.allowedUnchecked++;
      else this.deniedUnchecked++;
      return { decision: unchecked(charge, cost, resolution, circuit), local: undefined };
    }
    this.decidedLocally++;
    const outcome = this.local.consume(account, resolution.local.counters, cost);
    const local = outcome.allowed && cost > 0 ? new LocalCharge(outcome, this.#clock()) : undefined;
    const receipt = local && new Receipt(this.#undo, account, resolution, cost, local);
    const decision = new Decision(charge, charge.category, cost, resolution.local, outcome, receipt, 'local');
    return { decision, local };
  }

  peek(charge: Charged, account: string, cost: number, resolution: Resolution, circuit: Circuit): Decision {
    if (resolution.onStoreFailure !== 'local') return unchecked(charge, cost, resolution, circuit);
    const outcome = this.local.peek(account, resolution.local.counters, cost);
    return new Decision(charge, charge.category, cost, resolution.local, outcome, undefined, 'local');
  }

  /**
   * Counts here what the store has admitted, so that an outage hands out no fresh quota. What it returns is what a refund
   * takes.
   */
  follow(account: string, resolution: Resolution, cost: number): Admission | undefined {
    if (resolution.onStoreFailure !== 'local') return undefined;
    const { now, token } = countersOf(this.local).record(account, resolution.local.counters, cost, 0);
    return { now, token };
  }

  refund(account: string, resolution: Resolution, cost: number, admission: Admission): void {
    // A receipt may outlive its limiter, and be given to another on the same store.
    if (!this.#closed) this.local.refund(account, resolution.local.counters, cost, admission);
  }

  /** Shrinks here what the store has shrunk, so that an outage pardons no one. */
  followThrottling(account: string, resolution: Resolution, throttledMs: readonly number[]): void {
    if (resolution.onStoreFailure === 'local') this.local.throttle(account, resolution.local.counters, throttledMs);
  }

  reset(account: string, name?: string): void {
    (this.#given ?? this.#own)?.reset(account, name);
  }

  pardon(account: string, name?: string): void {
    (this.#given ?? this.#own)?.pardon(account, name);
  }

  close(): void {
    this.#closed = true;
    this.#own?.close();
  }
}

function unchecked(charge: Charged, cost: number, resolution: Resolution, circuit: Circuit): Decision {
  const allowed = resolution.onStoreFailure === 'allow';
  const limits: Limits = { counters: [], quotas: [], mode: resolution.mode };
  const retryAfterMs = allowed ? 0 : circuit.nextProbeMs;
  const outcome: Outcome = { allowed, now: 0, used: [], resetAfterMs: [], retryAfterMs, token: undefined };
  return new Decision(charge, charge.category, cost, limits, outcome, undefined, 'none', 'store-unavailable');
}
