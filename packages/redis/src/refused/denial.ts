import type { CounterSpec, Outcome } from '@tollgate/core';
import type { OpenOutcome } from '../script/index.js';

/** How many violations more surely do not throttle a counter. */
export interface Spare {
  left: number;
}

/** A refusal that is sure to be repeated until `endsAt`. */
export class Denial {
  readonly counters: readonly CounterSpec[];
  readonly cost: number;
  /** The counters on which it is a violation. */
  readonly violated: readonly CounterSpec[];
  readonly endsAt: number;
  readonly #outcome: Outcome;
  /** Of the violated counters. */
  readonly #spares: readonly Spare[];
  readonly #knownAt: number;

  constructor(
    counters: readonly CounterSpec[],
    cost: number,
    outcome: Outcome,
    violated: readonly CounterSpec[],
    spares: readonly Spare[],
    knownAt: number,
    endsAt: number,
  ) {
    this.counters = counters;
    this.cost = cost;
    this.violated = violated;
    this.endsAt = endsAt;
    this.#outcome = outcome;
    this.#spares = spares;
    this.#knownAt = knownAt;
  }

  /** Counts one violation more, unless that may be one too many. */
  spend(): boolean {
    for (const { left } of this.#spares) if (left <= 0) return false;
    for (const spare of this.#spares) spare.left--;
    return true;
  }

  /** The refusal as it stands at an instant. The wait is rounded up, so that who keeps to it is not early. */
  outcomeAt(now: number): Outcome {
    const { now: decidedAt, used, resetAfterMs, retryAfterMs, throttledMs } = this.#outcome;
    const passedMs = Math.floor(now - this.#knownAt);
    const outcome: OpenOutcome = {
      allowed: false,
      now: decidedAt + passedMs,
      used: used.slice(),
      resetAfterMs: lessPassed(resetAfterMs, passedMs),
      retryAfterMs: Math.max(1, retryAfterMs - passedMs),
      token: undefined,
    };
    if (throttledMs !== undefined) outcome.throttledMs = lessPassed(throttledMs, passedMs);
    return outcome;
  }
}

/** What is left of waits after a time; 0 was none. */
function lessPassed(waits: readonly number[], passedMs: number): number[] {
  const left = waits.slice();
  for (let place = 0; place < left.length; place++) {
    const wait = left[place]!;
    if (wait !== 0) left[place] = Math.max(1, wait - passedMs);
  }
  return left;
}
