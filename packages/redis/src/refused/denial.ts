import type { CounterSpec, Outcome } from '@tollgate/core';
import type { OpenOutcome, Refusal, Request } from '../script/index.js';

/** How many more violations a counter can take without being throttled. */
export interface ViolationsLeft {
  count: number;
}

/** A refusal that Redis would repeat until `endsAt`. Instants are of the process's clock. */
export class Denial {
  readonly charge: Request;
  readonly endsAt: number;
  /** The counters on which the charge is a violation. */
  readonly violated: readonly CounterSpec[];
  readonly #outcome: Outcome;
  readonly #answeredAt: number;
  /** Of the violated counters. */
  readonly #left: readonly ViolationsLeft[];

  constructor(
    { charge, outcome }: Refusal,
    answeredAt: number,
    endsAt: number,
    violated: readonly CounterSpec[],
    left: readonly ViolationsLeft[],
  ) {
    this.charge = charge;
    this.endsAt = endsAt;
    this.violated = violated;
    this.#outcome = outcome;
    this.#answeredAt = answeredAt;
    this.#left = left;
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
