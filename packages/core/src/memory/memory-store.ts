import { checkFunction, checkInteger, checkOptions } from '../check.js';
import { type Clock, monotonicClock } from '../clock.js';
import { closedError } from '../errors.js';
import type { CounterSpec, Outcome, Store } from '../store/index.js';
import { MemoryCounters } from './counters.js';
import type { PassingOutcome } from './scratch-outcome.js';
import { counterName, isOfViolations, violationsName } from './stored-names.js';

export interface MemoryStoreOptions {
  /**
   * The most counters that are kept at once: an integer from 4 to 16777216, default 1000000. The violations of a counter
   * count as one more. Expired counters make room first; when all still matter, the least used of a small sample is given up,
   * and {@link MemoryStoreStats} tells.
   */
  readonly maxCounters?: number;
  /** The store's clock: non-negative milliseconds. Default: the process's monotonic clock. */
  readonly clock?: Clock;
}

export interface MemoryStoreStats {
  /** Counters held now, among them expired ones that no call has met yet. */
  readonly counters: number;
  readonly maxCounters: number;
  /** Counters given up since the store was made because nothing counted in them any more. */
  readonly evictedExpired: number;
  /** Counters given up to keep to `maxCounters` although they still mattered. Anything but 0 calls for a higher cap. */
  readonly evictedUnexpired: number;
}

/** What a refund has to know of an admission. */
export type Admission = Pick<Outcome, 'now' | 'token'>;

/**
 * The counters of a store, for whoever makes a decision of each outcome at once and need not have a copy.
 *
 * @throws Error `TOLLGATE_CLOSED` when the store is closed.
 */
export let countersOf: (store: MemoryStore) => MemoryCounters;

/**
 * Counters in the memory of this process, for a service that runs as one process or whose instances may each grant the
 * full limit. For one limit over several processes use a shared store.
 *
 * Every method is synchronous, so every decision is atomic, and takes amortised constant time whatever the limit, the
 * window and the number of counters. There is no timer: an idle store does nothing, and keeps the process from nothing.
 *
 * @example
 * const store = new MemoryStore({ maxCounters: 100_000 });
 * const limiter = new RateLimiter({ policy, store });
 */
export class MemoryStore implements Store {
  readonly #maxCounters: number;
  #counters: MemoryCounters | undefined;

  /**
   * @throws TypeError `TOLLGATE_OPTION_TYPE` or `TOLLGATE_OPTION_UNKNOWN`, RangeError `TOLLGATE_OPTION_RANGE`: see the
   * options.
   */
  constructor(options: MemoryStoreOptions = {}) {
    checkOptions('MemoryStore', options, ['maxCounters', 'clock']);
    // A charge touches up to two counters and their violations, so a store of fewer could not take it.
    const { maxCounters = 1_000_000, clock = monotonicClock } = options;
    this.#maxCounters = checkInteger('maxCounters', maxCounters, 4, 2 ** 24);
    this.#counters = new MemoryCounters(this.#maxCounters, checkFunction('clock', clock));
  }

  consume(account: string, counters: readonly CounterSpec[], cost: number): Outcome {
    return kept(this.#open().consume(account, counters, cost), counters);
  }

  peek(account: string, counters: readonly CounterSpec[], cost: number): Outcome {
    return kept(this.#open().peek(account, counters, cost), counters);
  }

  record(account: string, counters: readonly CounterSpec[], cost: number, agoMs: number): void {
    this.#open().record(account, counters, cost, agoMs);
  }

  refund(account: string, counters: readonly CounterSpec[], cost: number, outcome: Admission): void {
    const open = this.#open();
    const { table } = open;
    const now = open.tick();
    const key = table.keyOf(account);
    for (const counter of counters) {
      const slot = table.find(counterName(counter.name), key, now);
      if (slot < 0 || table.birth(slot) > (outcome.token as number)) continue;
      const first = table.firstWindow(slot);
      for (let window = first; window < first + table.windowCount(slot); window++) {
        table.windows.takeBack(window, now, outcome.now, cost);
      }
    }
  }

  reset(account: string, name?: string): void {
    const { names } = this.#open().table;
    this.#forget(account, name === undefined ? names : [counterName(name), violationsName(name)]);
  }

  pardon(account: string, name?: string): void {
    const { names } = this.#open().table;
    this.#forget(account, name === undefined ? names.filter(isOfViolations) : [violationsName(name)]);
  }

  /**
   * Throttles counters for so long from now, one number for each, or ends that with 0, whatever their violations: for a copy
   * that follows another store. Counters without a throttle are left alone.
   */
  throttle(account: string, counters: readonly CounterSpec[], throttledMs: readonly number[]): void {
    const open = this.#open();
    if (open.table.throttlings.size === 0 && throttledMs.every((ms) => ms === 0)) return;
    const now = open.tick();
    const key = open.table.keyOf(account);
    for (const [place, counter] of counters.entries()) {
      open.violations.follow(counter, key, now, throttledMs[place]!);
    }
  }

  close(): void {
    this.#counters = undefined;
  }

  /** What the store holds and what it had to give up. */
  stats(): MemoryStoreStats {
    const { size, evictedExpired, evictedUnexpired } = this.#open().table;
    return {
      counters: size,
      maxCounters: this.#maxCounters,
      evictedExpired,
      evictedUnexpired,
    };
  }

  #forget(account: string, names: readonly string[]): void {
    const open = this.#open();
    const now = open.tick();
    const key = open.table.keyOf(account);
    for (const name of names) {
      const slot = open.table.find(name, key, now);
      if (slot >= 0) open.table.remove(slot);
    }
  }

  #open(): MemoryCounters {
    if (this.#counters === undefined) throw closedError('MemoryStore');
    return this.#counters;
  }

  static {
    countersOf = (store) => store.#open();
  }
}

/** An outcome for the caller to keep. */
function kept(passing: PassingOutcome, counters: readonly CounterSpec[]): Outcome {
  const { allowed, now, used, resetAfterMs, retryAfterMs, throttledMs, beganThrottling, token } = passing;
  let quotas = 0;
  for (const counter of counters) quotas += counter.quotas.length;
  const outcome: Mutable<Outcome> = {
    allowed,
    now,
    used: firstOf(used, quotas),
    resetAfterMs: firstOf(resetAfterMs, quotas),
    retryAfterMs,
    token,
  };
  if (throttledMs !== undefined) outcome.throttledMs = throttledMs.slice();
  if (beganThrottling) outcome.beganThrottling = true;
  return outcome;
}

/** An array literal takes a fraction of the time of `Array.from`. */
function firstOf(numbers: ArrayLike<number>, count: number): number[] {
  if (count === 1) return [numbers[0]!];
  const all = [numbers[0]!, numbers[1]!];
  for (let at = 2; at < count; at++) all.push(numbers[at]!);
  all.length = count;
  return all;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
