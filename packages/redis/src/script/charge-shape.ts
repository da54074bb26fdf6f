import type { CounterSpec, Throttle } from '@tollgate/core';
import { entryOf, partsOfSubjectCounter } from '@tollgate/core/kit';
import { Keys } from '../keys.js';

/**
 * The arguments of the script for the counters of a charge. Charges with the same limits share an array of counters,
 * for which they are worked out once. A charge of subjects has an array of its own, but the limits in it are the
 * policy's.
 */
export class ChargeShape {
  static readonly #made = new WeakMap<readonly CounterSpec[], ChargeShape>();

  readonly counters: readonly CounterSpec[];
  readonly limits: readonly CounterLimits[];
  /** The number of quotas of all counters. */
  readonly quotas: number;
  readonly hasThrottle: boolean;
  /** Whether a counter has a cost, and an account, of its own. */
  readonly hasCosts: boolean;
  readonly joins: boolean;
  /** The end of the key of each counter, and of its violations if it has a throttle, behind the account's index. */
  readonly ends: readonly string[];
  readonly violationEnds: readonly (string | undefined)[];

  private constructor(counters: readonly CounterSpec[]) {
    this.counters = counters;
    this.limits = counters.map(limitsOf);
    let quotas = 0;
    let hasThrottle = false;
    let hasCosts = false;
    let joins = false;
    for (const counter of counters) {
      quotas += counter.quotas.length;
      hasThrottle ||= counter.throttle !== undefined;
      hasCosts ||= counter.cost !== undefined;
      joins ||= counter.account !== undefined;
    }
    this.quotas = quotas;
    this.hasThrottle = hasThrottle;
    this.hasCosts = hasCosts;
    this.joins = joins;
    this.ends = counters.map(({ name }) => Keys.counterEnd(name));
    this.violationEnds = hasThrottle
      ? counters.map(({ name, throttle }) => throttle && Keys.violationsEnd(name))
      : NO_ENDS;
  }

  static of(counters: readonly CounterSpec[]): ChargeShape {
    for (const { subject } of counters) if (subject !== undefined) return new ChargeShape(counters);
    return entryOf(ChargeShape.#made, counters, () => new ChargeShape(counters));
  }

  /**
   * Whether accounts with these charges can share arguments: the limits are the same, and so are the counters that are
   * not the account's own.
   */
  isLike(other: ChargeShape): boolean {
    if (this === other) return true;
    const { counters, limits } = this;
    if (counters.length !== other.counters.length) return false;
    for (let place = 0; place < counters.length; place++) {
      if (limits[place] !== other.limits[place]) return false;
      const [own, theirs] = [counters[place]!, other.counters[place]!];
      if (own === theirs) continue;
      if (own.account !== theirs.account || own.cost !== theirs.cost) return false;
      if (own.account !== undefined && own.name !== theirs.name) return false;
    }
    return true;
  }
}

const NO_ENDS: readonly undefined[] = [];

/** The limits of a counter in ARGV. Counters with the same quotas and throttle share them. */
export interface CounterLimits {
  readonly throttle: Throttle | undefined;
  readonly isOfSubject: boolean;
  /** Their numbers, each behind a comma. */
  readonly text: string;
  /** How many numbers there are. */
  readonly count: number;
}

const LIMITS = new WeakMap<CounterSpec['quotas'], CounterLimits[]>();

function limitsOf(counter: CounterSpec): CounterLimits {
  const { quotas, throttle } = counter;
  const isOfSubject = belongsToSubject(counter);
  const known = entryOf(LIMITS, quotas, (): CounterLimits[] => []);
  for (const one of known) if (one.throttle === throttle && one.isOfSubject === isOfSubject) return one;
  const numbers = numbersOf(counter, isOfSubject ? 0 : SPARE);
  const limits = { throttle, isOfSubject, text: `,${numbers.join()}`, count: numbers.length };
  known.push(limits);
  return limits;
}

/** Also of a counter whose spec has only the name, as one from the text of a receipt. */
function belongsToSubject({ name, subject }: CounterSpec): boolean {
  return subject !== undefined || (name.includes('*~') && partsOfSubjectCounter(name) !== undefined);
}

/** The place of the number of quotas, behind `spare`, whether the counter has a throttle, and its longest window. */
export const QUOTAS_OFFSET = 3;
/** How many of its longest windows a counter's entry in the index may outlive the counter. */
const SPARE = 3;

function numbersOf({ quotas, throttle }: CounterSpec, spare: number): number[] {
  const longestMs = Math.max(...quotas.map(({ windowMs }) => windowMs));
  const numbers = [spare, throttle === undefined ? 0 : 1, longestMs, quotas.length];
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
