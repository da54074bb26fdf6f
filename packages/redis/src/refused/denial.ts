import type { CounterSpec, Outcome, Throttle } from '@tollgate/core';
import type { OpenOutcome, Refusal, Request } from '../script/index.js';

/** How many more violations a counter can take without being throttled. */
export interface ViolationsLeft {
  readonly throttle: Throttle | undefined;
  count: number;
}

/** Counts the changes of an account's counters by this process. */
export interface Changes {
  count: number;
}

/** Counters of one account on which a charge is a violation. */
export interface Violated {
  readonly account: string;
  readonly counters: readonly CounterSpec[];
}

/** A refusal that Redis would repeat until `endsAt`. Instants are of the process's clock. */
export class Denial {
  readonly charge: Request;
  readonly endsAt: number;
  /** The counters on which the charge is a violation, by account. */
  readonly violated: readonly Violated[];
  readonly #outcome: Outcome;
  readonly #answeredAt: number;
  /** Of the violated counters. */
  readonly #left: readonly ViolationsLeft[];
  /** Of the other accounts of the charge, and what they were when it was refused. */
  readonly #changes: readonly Changes[];
  readonly #counts: readonly number[];

  constructor(
    { charge, outcome }: Refusal,
    answeredAt: number,
    endsAt: number,
    violated: readonly Violated[],
    left: readonly ViolationsLeft[],
    changes: readonly Changes[],
  ) {
    this.charge = charge;
    this.endsAt = endsAt;
    this.violated = violated;
    this.#outcome = outcome;
    this.#answeredAt = answeredAt;
    this.#left = left;
    this.#changes = changes;
    this.#counts = changes.map(({ count }) => count);
  }

  /** Whether another account of the charge has changed since. */
  get isOutdated(): boolean {
    for (let index = 0; index < this.#changes.length; index++) {
      if (this.#changes[index]!.count !== this.#counts[index]) return true;
    }
    return false;
  }

  /** Counts one more violation, or returns `false` where that could begin a throttling. */
  countViolation(): boolean {
    for (const { count } of this.#left) if (count <= 0) return false;
    for (const left of this.#left) left.count--;
    return true;
  }

  /** The refusal as of the instant `now`. The wait is rounded up, so that a retry after it is not early. */
  outcomeAt(now: number): Outcome {
    const { now: decidedAt, used, resetAfterMs, retryAfterMs, throttledMs } = this.#outcome;
    const passedMs = Math.floor(now - this.#answeredAt);
    const outcome: OpenOutcome = {
      allowed: false,
      now: decidedAt + passedMs,
      used: used.slice(),
      resetAfterMs: remaining(resetAfterMs, passedMs),
      retryAfterMs: Math.max(1, retryAfterMs - passedMs),
      token: undefined,
    };
    if (throttledMs !== undefined) outcome.throttledMs = remaining(throttledMs, passedMs);
    return outcome;
  }
}

/** What remains of each wait. A wait of 0 stays 0: there was none. */
function remaining(waits: readonly number[], passedMs: number): number[] {
  const left = waits.slice();
  for (let index = 0; index < left.length; index++) {
    const wait = left[index]!;
    if (wait !== 0) left[index] = Math.max(1, wait - passedMs);
  }
  return left;
}
