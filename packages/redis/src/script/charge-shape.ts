import type { CounterSpec, Throttle } from '@tollgate/core';
import { Keys } from '../keys.js';

/** What a call of the script needs to know of a charge's counters, worked out once for those that come again and again. */
export class ChargeShape {
  static readonly #known = new WeakMap<readonly CounterSpec[], ChargeShape>();

  readonly counters: readonly CounterSpec[];
  /** How many quotas they have together. */
  readonly quotas: number;
  readonly hasThrottle: boolean;
  /** What the key of each counter, and of its violations if it has a throttle, has behind the account's index. */
  readonly ends: readonly string[];
  readonly violationEnds: readonly (string | undefined)[];
  /** All their shapes, as ARGV has them, and of each counter how far in there its number of quotas stands. */
  readonly numbers: readonly number[];
  readonly places: readonly number[];

  private constructor(counters: readonly CounterSpec[]) {
    this.counters = counters;
    this.quotas = counters.reduce((sum, { quotas }) => sum + quotas.length, 0);
    this.hasThrottle = counters.some(({ throttle }) => throttle !== undefined);
    this.ends = counters.map(({ name }) => Keys.counterEnd(name));
    this.violationEnds = counters.map(({ name, throttle }) => throttle && Keys.violationsEnd(name));
    const numbers: number[] = [];
    const places: number[] = [];
    for (const counter of counters) {
      places.push(numbers.length + QUOTAS_AT);
      numbers.push(...numbersOf(counter));
    }
    this.numbers = numbers;
    this.places = places;
  }

  static of(counters: readonly CounterSpec[]): ChargeShape {
    let shape = ChargeShape.#known.get(counters);
    if (shape === undefined) {
      shape = new ChargeShape(counters);
      ChargeShape.#known.set(counters, shape);
    }
    return shape;
  }
}

// Behind whether it is throttled, and its longest window.
const QUOTAS_AT = 2;

function numbersOf({ quotas, throttle }: CounterSpec): number[] {
  const longestMs = Math.max(...quotas.map(({ windowMs }) => windowMs));
  const numbers = [throttle === undefined ? 0 : 1, longestMs, quotas.length];
  for (const { limit, windowMs, sliceMs, maxSlices } of quotas) numbers.push(limit, windowMs, sliceMs, maxSlices);
  if (throttle !== undefined) {
    for (const { limit } of quotas) numbers.push(throttle.limitOf(limit));
    numbers.push(...throttleNumbers(throttle));
  }
  return numbers;
}

function throttleNumbers(throttle: Throttle): number[] {
  const { afterViolations, withinMs, violations, forMs, escalate, rememberedMs } = throttle;
  const { factor, maxMs } = escalate ?? { factor: 0, maxMs: 0 };
  const { sliceMs, maxSlices } = violations;
  return [afterViolations, withinMs, sliceMs, maxSlices, forMs, factor, maxMs, rememberedMs];
}
