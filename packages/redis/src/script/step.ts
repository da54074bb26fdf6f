import type { CounterSpec, Throttle } from '@tollgate/core';
import type { ChargeShape } from './charge-shape.js';
import { CONSUME, type OpenOutcome, type Operation, PEEK, VIOLATE } from './operation.js';
import type { Reply } from './reply.js';
import type { SpoiltCounters } from './spoilt.js';

/** One step of the script: `count` equal operations of one account, from `first` on. */
export class Step {
  readonly first: Operation;
  readonly count: number;
  readonly shape: ChargeShape;
  /** The account's key. */
  readonly index: string;
  /** Above 0 if a key is spoilt. */
  #status = 0;
  #throttled: readonly string[] | undefined = undefined;
  #now = 0;
  #admitted = 0;
  #retryAfterMs = 0;
  #unchangedMs = 0;
  #token: readonly number[] = NONE;
  #used: number[] = NONE;
  #resetAfterMs: number[] = NONE;
  #throttling: StepThrottling | undefined = undefined;

  constructor(first: Operation, count: number, shape: ChargeShape, index: string) {
    this.first = first;
    this.count = count;
    this.shape = shape;
    this.index = index;
  }

  /** Reads the step's part of the reply. */
  read(reply: Reply): void {
    this.#status = reply.next();
    if (this.#status > 0) return;
    const { kind } = this.first.request;
    const { counters, quotas, hasThrottle } = this.shape;
    if (kind === VIOLATE) {
      this.#throttled = counters.filter(() => reply.next() < 0).map(({ name }) => name);
    } else if (kind === CONSUME || kind === PEEK) {
      this.#now = reply.next();
      this.#admitted = reply.next();
      this.#retryAfterMs = reply.wait();
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
      if (this.#admitted < this.count) this.#unchangedMs = reply.wait();
    }
  }

  /** Answers all of its operations. */
  answer(spoilt: SpoiltCounters): void {
    if (this.#status > 0) {
      this.reject(spoilt.errorOf(this.first.request.account, this.shape.counters, this.#status));
      return;
    }
    this.#forEach((operation, index) => {
      const { kind } = operation.request;
      if (kind === CONSUME || kind === PEEK) this.#decide(operation, index);
      else operation.resolve(this.#throttled);
    });
  }

  reject(error: unknown): void {
    this.#forEach((operation) => operation.reject(error));
  }

  #forEach(act: (operation: Operation, index: number) => void): void {
    let operation = this.first;
    for (let index = 0; index < this.count; index++) {
      // The answer to one operation can make its caller append others.
      const next = operation.next;
      act(operation, index);
      operation = next!;
    }
  }

  #decide(operation: Operation, index: number): void {
    const { request, resolve } = operation;
    const { kind, cost, follower } = request;
    const throttling = this.#throttling;
    const allowed = index < this.#admitted;
    const charges = kind === PEEK ? 0 : Math.min(index + 1, this.#admitted);
    const resets = allowed ? this.#resetAfterMs : (throttling?.resetAfterMs ?? this.#resetAfterMs);
    // Each caller owns its outcome, so several callers get copies.
    const [used, resetAfterMs] = this.count === 1 ? [this.#used, resets] : [this.#used.slice(), resets.slice()];
    if (this.shape.hasCosts) addEach(used, this.shape.counters, charges, cost);
    else for (let quota = 0; quota < used.length; quota++) used[quota]! += charges * cost;
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
      if (throttling.began && index === this.#admitted) outcome.beganThrottling = true;
    }
    if (follower === undefined || allowed) {
      follower?.admitted(request);
      resolve(outcome);
    } else {
      const violationsLeft = throttling?.violationsLeft ?? NONE;
      resolve(follower.refused({ charge: request, outcome, unchangedMs: this.#unchangedMs, violationsLeft }));
    }
  }
}

const NONE: number[] = [];

function addEach(used: number[], counters: readonly CounterSpec[], charges: number, cost: number): void {
  let place = 0;
  for (const { quotas, cost: own = cost } of counters) {
    for (const stop = place + quotas.length; place < stop; place++) used[place]! += charges * own;
  }
}

/** How long the counters are throttled: `before` for admitted charges, `after` for refused ones. */
interface StepThrottling {
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Whether a throttling began with a refusal of this step. */
  readonly began: boolean;
  /** Of refused charges, if a throttling began. */
  readonly resetAfterMs: number[] | undefined;
  readonly violationsLeft: readonly number[];
}

/**
 * Reads the end of a step's reply. All refused charges of a step get the state after the last one. The first of them
 * reports a throttling that began.
 */
function readThrottling(counters: readonly CounterSpec[], reply: Reply, quotas: number): StepThrottling {
  const none = { before: 0, after: 0, violationsLeft: Number.POSITIVE_INFINITY };
  const each = counters.map(({ throttle }) => (throttle === undefined ? none : readCounter(throttle, reply)));
  const began = each.some(({ after }) => after < 0);
  return {
    before: each.map(({ before }) => before),
    after: each.map(({ after }) => Math.abs(after)),
    began,
    resetAfterMs: began ? reply.numbers(quotas) : undefined,
    violationsLeft: each.map(({ violationsLeft }) => violationsLeft),
  };
}

function readCounter({ afterViolations }: Throttle, reply: Reply) {
  const [before, after, violations] = [reply.next(), reply.next(), reply.next()];
  // No violation begins another throttling during one.
  const violationsLeft = after === 0 ? afterViolations - violations - 1 : Number.POSITIVE_INFINITY;
  return { before, after, violationsLeft };
}
