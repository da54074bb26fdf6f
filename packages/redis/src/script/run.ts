import { type CounterSpec, StoreError, type Throttle } from '@tollgate/core';
import type { ChargeShape } from './charge-shape.js';
import { CONSUME, type OpenOutcome, type Operation, PEEK, VIOLATE } from './operation.js';
import type { Reply } from './reply.js';

/** Operations of one account that the script does in one go: `count` from `first` on, alike in all. */
export class Run {
  readonly first: Operation;
  readonly count: number;
  readonly #shape: ChargeShape;
  #taken = false;
  #began: readonly string[] | undefined = undefined;
  #now = 0;
  #admitted = 0;
  #retryAfterMs = 0;
  #token: readonly number[] = NONE;
  #used: number[] = NONE;
  #resetAfterMs: number[] = NONE;
  #throttling: ThrottlingOfRun | undefined = undefined;

  constructor(first: Operation, count: number, shape: ChargeShape) {
    this.first = first;
    this.count = count;
    this.#shape = shape;
  }

  /** Reads the part of the reply that is of this run. */
  read(reply: Reply): void {
    this.#taken = reply.next() === 0;
    if (!this.#taken) return;
    const { kind } = this.first;
    const { counters, quotas, hasThrottle } = this.#shape;
    if (kind === VIOLATE) {
      this.#began = counters.filter(() => reply.next() < 0).map(({ name }) => name);
    } else if (kind === CONSUME || kind === PEEK) {
      this.#now = reply.next();
      this.#admitted = reply.next();
      const wait = reply.next();
      this.#retryAfterMs = wait < 0 ? Number.POSITIVE_INFINITY : wait;
      this.#token = reply.numbers(counters.length);
      const used = new Array<number>(quotas);
      const resetAfterMs = new Array<number>(quotas);
      for (let quota = 0; quota < quotas; quota++) {
        used[quota] = reply.next();
        resetAfterMs[quota] = reply.next();
      }
      this.#used = used;
      this.#resetAfterMs = resetAfterMs;
      if (hasThrottle) this.#throttling = readThrottling(counters, reply, quotas);
    }
  }

  /** Answers all of its operations. */
  answer(): void {
    let operation = this.first;
    for (let place = 0; place < this.count; place++) {
      // One that was answered may be followed by others since.
      const next = operation.next;
      if (!this.#taken) operation.reject(foreignKey());
      else if (operation.kind === CONSUME || operation.kind === PEEK) this.#decide(operation, place);
      else operation.resolve(this.#began);
      operation = next!;
    }
  }

  reject(error: unknown): void {
    let operation = this.first;
    for (let place = 0; place < this.count; place++) {
      const next = operation.next;
      operation.reject(error);
      operation = next!;
    }
  }

  #decide(operation: Operation, place: number): void {
    const { kind, cost } = this.first;
    const throttling = this.#throttling;
    const allowed = place < this.#admitted;
    const charged = kind === PEEK ? 0 : Math.min(place + 1, this.#admitted) * cost;
    const resets = allowed ? this.#resetAfterMs : (throttling?.resetAfterMs ?? this.#resetAfterMs);
    // Each outcome is its caller's own, so of several each gets a copy.
    const [used, resetAfterMs] = this.count === 1 ? [this.#used, resets] : [this.#used.slice(), resets.slice()];
    for (let quota = 0; quota < used.length; quota++) used[quota]! += charged;
    const outcome: OpenOutcome = {
      allowed,
      now: this.#now,
      used,
      resetAfterMs,
      retryAfterMs: allowed ? 0 : this.#retryAfterMs,
      token: this.#token,
    };
    if (throttling !== undefined) {
      outcome.throttledMs = (allowed ? throttling.before : throttling.after).slice();
      if (throttling.began && place === this.#admitted) outcome.beganThrottling = true;
    }
    operation.resolve(outcome, throttling?.spares);
  }
}

const NONE: number[] = [];

function foreignKey(): StoreError {
  return new StoreError(
    'Redis could not take the charge: a key of its counters holds something that is not of this version',
    { charged: 'no', concerns: 'account' },
  );
}

/** How the counters are throttled for those that are admitted, and for those that are refused. */
interface ThrottlingOfRun {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly began: boolean;
  /** Of those that are refused, if the throttling began with one of them. */
  readonly resetAfterMs: number[] | undefined;
  /** How many violations more surely do not throttle each counter. */
  readonly spares: readonly number[];
}

/**
 * The end of a run's reply. All that were refused in it are answered as the last one leaves the counters; the throttling
 * that began is told with the first.
 */
function readThrottling(counters: readonly CounterSpec[], reply: Reply, quotas: number): ThrottlingOfRun {
  const none = { before: 0, after: 0, spare: Number.POSITIVE_INFINITY };
  const each = counters.map(({ throttle }) => (throttle === undefined ? none : readCounter(throttle, reply)));
  const began = each.some(({ after }) => after < 0);
  return {
    before: each.map(({ before }) => before),
    after: each.map(({ after }) => Math.abs(after)),
    began,
    resetAfterMs: began ? reply.numbers(quotas) : undefined,
    spares: each.map(({ spare }) => spare),
  };
}

function readCounter({ afterViolations }: Throttle, reply: Reply) {
  const [before, after, violations] = [reply.next(), reply.next(), reply.next()];
  // While it is throttled, no violation begins another throttling.
  return { before, after, spare: after === 0 ? afterViolations - violations - 1 : Number.POSITIVE_INFINITY };
}
