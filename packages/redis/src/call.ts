import { type CounterSpec, StoreError, type Throttle } from '@tollgate/core';
import type { Keys } from './keys.js';
import { CONSUME, type OpenOutcome, type Operation, PEEK, RECORD, REFUND, VIOLATE } from './operation.js';

/**
 * One call of the charge script: operations put into its KEYS and ARGV, and its reply taken apart for them. The header of
 * the script describes both. Charges that follow each other and are alike in all go as one, with how often.
 */
export class Call {
  readonly keys: string[] = [];
  readonly #keyPlaces = new Map<string, number>();
  readonly #shapes: number[] = [];
  /** By the quotas, or by the counter if it has a throttle. */
  readonly #shapePlaces = new Map<object, number>();
  readonly #numbers: number[] = [];
  readonly #runs: Run[] = [];
  readonly #lastRuns = new Map<string, Run>();

  get runs(): number {
    return this.#runs.length;
  }

  get operations(): Operation[] {
    return this.#runs.flatMap(({ operations }) => operations);
  }

  /** Operations of one account keep their order. `index` is the account's key. */
  add(operation: Operation, index: string, keys: Keys): void {
    const { kind, account, counters, cost, at, births } = operation;
    const last = this.#lastRuns.get(account);
    if (kind === CONSUME && last !== undefined && isAlike(last.operations[0]!, operation)) {
      last.operations.push(operation);
      this.#numbers[last.timesPlace] = last.operations.length;
      return;
    }
    const run: Run = { operations: [operation], timesPlace: this.#numbers.length + 1 };
    this.#runs.push(run);
    this.#lastRuns.set(account, run);
    this.#numbers.push(kind, kind === CONSUME ? 1 : at, cost, counters.length);
    for (const [place, counter] of counters.entries()) {
      const { name, throttle } = counter;
      const own = kind === VIOLATE ? keys.violations(index, name) : keys.counter(index, name);
      this.#numbers.push(this.#keyPlace(own));
      if (kind === REFUND) {
        this.#numbers.push(births[place]!);
        continue;
      }
      this.#numbers.push(this.#keyPlace(index), this.#shapePlace(counter));
      if (kind === CONSUME || kind === PEEK) {
        this.#numbers.push(throttle === undefined ? 0 : this.#keyPlace(keys.violations(index, name)));
      }
    }
  }

  /** ARGV[1], given a number below 2^52 that no other call has. */
  argument(nonce: number): string {
    return `[${[nonce, this.#shapePlaces.size, ...this.#shapes, ...this.#numbers].join(',')}]`;
  }

  /** Answers every operation, or throws if the reply is not of the shape that it must have. */
  answer(reply: unknown): void {
    const numbers = new Numbers(reply);
    numbers.next();
    const answers = this.#runs.map((run) => answersTo(run, numbers));
    numbers.end();
    for (const [place, run] of this.#runs.entries()) {
      for (const [index, operation] of run.operations.entries()) answers[place]!(operation, index);
    }
  }

  #keyPlace(key: string): number {
    let place = this.#keyPlaces.get(key);
    if (place === undefined) {
      place = this.keys.push(key);
      this.#keyPlaces.set(key, place);
    }
    return place;
  }

  #shapePlace(counter: CounterSpec): number {
    const { quotas, throttle } = counter;
    const shape = throttle === undefined ? quotas : counter;
    let place = this.#shapePlaces.get(shape);
    if (place === undefined) {
      place = this.#shapePlaces.size + 1;
      this.#shapePlaces.set(shape, place);
      this.#shapes.push(throttle === undefined ? 0 : 1, quotas.length);
      for (const { limit, windowMs, sliceMs, maxSlices } of quotas) {
        this.#shapes.push(limit, windowMs, sliceMs, maxSlices);
      }
      if (throttle !== undefined) this.#shapes.push(...throttleNumbers(counter, throttle));
    }
    return place;
  }
}

function throttleNumbers({ quotas }: CounterSpec, throttle: Throttle): number[] {
  const { afterViolations, withinMs, violations, forMs, escalate, rememberedMs } = throttle;
  const { factor, maxMs } = escalate ?? { factor: 0, maxMs: 0 };
  const { sliceMs, maxSlices } = violations;
  const shrunk = quotas.map(({ limit }) => throttle.limitOf(limit));
  return [...shrunk, afterViolations, withinMs, sliceMs, maxSlices, forMs, factor, maxMs, rememberedMs];
}

/** Charges that the script decides in one go. */
interface Run {
  readonly operations: Operation[];
  readonly timesPlace: number;
}

function isAlike(one: Operation, other: Operation): boolean {
  return one.kind === other.kind && one.counters === other.counters && one.cost === other.cost;
}

/** Reads the part of the reply that is a run's, and gives a function that answers each of its operations. */
function answersTo({ operations }: Run, numbers: Numbers): (operation: Operation, index: number) => void {
  const { kind, counters, cost } = operations[0]!;
  if (numbers.next() !== 0) {
    const error = new StoreError(
      'Redis could not take the charge: a key of its counters holds something that is not of this version',
      { charged: 'no', concerns: 'account' },
    );
    return (operation) => operation.reject(error);
  }
  if (kind === VIOLATE) {
    const began = counters.filter(() => numbers.next() < 0).map(({ name }) => name);
    return (operation) => operation.resolve(began);
  }
  if (kind === REFUND || kind === RECORD) return (operation) => operation.resolve(undefined);
  const now = numbers.next();
  const admitted = numbers.next();
  const wait = numbers.next();
  const token = counters.map(() => numbers.next());
  const quotas = quotasIn(counters);
  const used: number[] = [];
  const resetAfterMs: number[] = [];
  for (let quota = 0; quota < quotas; quota++) {
    used.push(numbers.next());
    resetAfterMs.push(numbers.next());
  }
  const throttling = readThrottling(counters, numbers, resetAfterMs);
  const retryAfterMs = wait < 0 ? Number.POSITIVE_INFINITY : wait;
  return (operation, index) => {
    const allowed = index < admitted;
    const charged = kind === PEEK ? 0 : Math.min(index + 1, admitted) * cost;
    const outcome: OpenOutcome = {
      allowed,
      now,
      used: used.map((before) => before + charged),
      resetAfterMs: allowed ? resetAfterMs.slice() : throttling.resetAfterMs.slice(),
      retryAfterMs: allowed ? 0 : retryAfterMs,
      token,
    };
    if (throttling.before !== undefined) {
      outcome.throttledMs = (allowed ? throttling.before : throttling.after).slice();
      if (throttling.began && index === admitted) outcome.beganThrottling = true;
    }
    operation.resolve(outcome, throttling.spares);
  };
}

/** How the counters are throttled for those that are admitted, and for those that are refused. */
interface ThrottlingOfRun {
  readonly before: readonly number[] | undefined;
  readonly after: readonly number[];
  readonly began: boolean;
  readonly resetAfterMs: readonly number[];
  /** How many violations more surely do not throttle each counter. */
  readonly spares: readonly number[];
}

/**
 * The end of a run's reply. All that were refused in it are answered as the last one leaves the counters; the throttling
 * that began is told with the first.
 */
function readThrottling(
  counters: readonly CounterSpec[],
  numbers: Numbers,
  resetAfterMs: readonly number[],
): ThrottlingOfRun {
  const none = { before: 0, after: 0, spare: Number.POSITIVE_INFINITY };
  const each = counters.map(({ throttle }) => (throttle === undefined ? none : readCounter(throttle, numbers)));
  const began = each.some(({ after }) => after < 0);
  return {
    before: counters.every(({ throttle }) => throttle === undefined) ? undefined : each.map(({ before }) => before),
    after: each.map(({ after }) => Math.abs(after)),
    began,
    resetAfterMs: began ? resetAfterMs.map(() => numbers.next()) : resetAfterMs,
    spares: each.map(({ spare }) => spare),
  };
}

function readCounter({ afterViolations }: Throttle, numbers: Numbers) {
  const [before, after, violations] = [numbers.next(), numbers.next(), numbers.next()];
  // While it is throttled, no violation begins another throttling.
  return { before, after, spare: after === 0 ? afterViolations - violations - 1 : Number.POSITIVE_INFINITY };
}

function quotasIn(counters: readonly CounterSpec[]): number {
  let count = 0;
  for (const { quotas } of counters) count += quotas.length;
  return count;
}

/** The numbers of a reply, one after the other. A client may be set to give them as texts. */
class Numbers {
  readonly #reply: readonly unknown[];
  #place = 0;

  constructor(reply: unknown) {
    this.#reply = Array.isArray(reply) ? reply : [];
  }

  next(): number {
    const value = this.#reply[this.#place++];
    const number = typeof value === 'string' && value !== '' ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isFinite(number)) throw wrongShape();
    return number;
  }

  end(): void {
    if (this.#place !== this.#reply.length) throw wrongShape();
  }
}

function wrongShape(): StoreError {
  return new StoreError('Redis answered a charge with a reply of the wrong shape', { charged: 'unknown' });
}
