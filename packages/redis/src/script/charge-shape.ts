import type { CounterSpec, Throttle } from '@tollgate/core';
import { entryOf } from '@tollgate/core/kit';
import { Keys } from '../keys.js';

/** The arguments of the script for the counters of a charge. They are worked out once for each array of counters. */
export class ChargeShape {
  static readonly #made = new WeakMap<readonly CounterSpec[], ChargeShape>();

  readonly counters: readonly CounterSpec[];
  /** The number of quotas of all counters. */
  readonly quotas: number;
  readonly hasThrottle: boolean;
  /** The end of the key of each counter, and of its violations if it has a throttle, behind the account's index. */
  readonly ends: readonly string[];
  readonly violationEnds: readonly (string | undefined)[];
  /** The shapes of all counters for ARGV, and for each counter the offset of its number of quotas in them. */
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
      places.push(numbers.length + QUOTAS_OFFSET);
      numbers.push(...numbersOf(counter));
    }
    this.numbers = numbers;
    this.places = places;
  }

  static of(counters: readonly CounterSpec[]): ChargeShape {
    return entryOf(ChargeShape.#made, counters, () => new ChargeShape(counters));
  }
}

/** Behind whether the counter has a throttle, and its longest window. */
const QUOTAS_OFFSET = 2;

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
