import { checkFunction, checkInteger, checkOptions } from '../check.js';
import { type Clock, monotonicClock } from '../clock.js';
import { closedError } from '../errors.js';
import type { CounterSpec, Outcome, ReceiptClaims, Store } from '../store/index.js';
import type { Admission } from './charging.js';
import { Counters } from './counters.js';
import { MemoryClaims } from './receipt-claims.js';
import type { ScratchOutcome } from './scratch-outcome.js';
import { StoredKey } from './stored-key.js';
import { isViolationsName, limiterOfStored, violationsName } from './stored-names.js';

export interface MemoryStoreOptions {
  /**
   * The most counters in memory at once: an integer from 4 to 16777216, default 1000000. The violations of a counter
   * count as one more. At the cap, expired counters are evicted first. If all still matter, the least used of a small
   * sample is evicted, among equals the youngest, and {@link MemoryStoreStats} counts it.
   */
  readonly maxCounters?: number;
  /** The store's clock: non-negative milliseconds. Default: the process's monotonic clock. */
  readonly clock?: Clock;
}

export interface MemoryStoreStats {
  /** Counters in memory now. They include expired ones that no call has evicted yet. */
  readonly counters: number;
  readonly maxCounters: number;
  /** Counters evicted because nothing counted in them any more. */
  readonly evictedExpired: number;
  /** Counters evicted at the cap although they still mattered. Raise `maxCounters` if this is not 0. */
  readonly evictedUnexpired: number;
}

/**
 * The counters of a store. Their outcome is not copied, so the caller must use it before the next charge.
 *
 * @throws Error `TOLLGATE_CLOSED` when the store is closed.
 */
export let countersOf: (store: MemoryStore) => Counters;

/**
 * Counters in the memory of this process, for a service that runs as one process or whose instances may each grant the
 * full limit. For one limit over several processes use a shared store.
 *
 * Every method is synchronous, so every decision is atomic, also one on the counters of several accounts. A decision
 * takes amortised constant time for each of its counters, whatever the limit, the window and the number of counters in
 * memory. There is no timer: an idle store does nothing, and does not keep the
 * process alive. A name above 64 UTF-16 units is kept as a digest of 128 bits with a secret of the process, so long
 * names cannot fill the memory.
 *
 * @example
 * const store = new MemoryStore({ maxCounters: 100_000 });
 * const limiter = new RateLimiter({ policy, store });
 */
export class MemoryStore implements Store {
  /** A charge on the counters of several accounts is one step like any other. */
  readonly joinsAccounts = true;
  readonly #maxCounters: number;
  readonly receipts: ReceiptClaims;
  #counters: Counters | undefined;

  /**
   * @throws TypeError `TOLLGATE_OPTION_TYPE` or `TOLLGATE_OPTION_UNKNOWN`, RangeError `TOLLGATE_OPTION_RANGE`: see the
   * options.
   */
  constructor(options: MemoryStoreOptions = {}) {
    checkOptions('MemoryStore', options, ['maxCounters', 'clock']);
    // An account and its total with the violations of both. `Counters` refuses a charge that needs more than there are.
    const { maxCounters = 1_000_000, clock = monotonicClock } = options;
    this.#maxCounters = checkInteger('maxCounters', maxCounters, 4, 2 ** 24);
    this.#counters = new Counters(this.#maxCounters, checkFunction('clock', clock));
    this.receipts = new MemoryClaims(clock);
  }

  consume(account: string, counters: readonly CounterSpec[], cost: number): Outcome {
    return copyOf(this.#open().consume(account, counters, cost), counters);
  }

  peek(account: string, counters: readonly CounterSpec[], cost: number): Outcome {
    return copyOf(this.#open().peek(account, counters, cost), counters);
  }

  record(account: string, counters: readonly CounterSpec[], cost: number, agoMs: number): void {
    this.#open().record(account, counters, cost, agoMs);
  }

  refund(account: string, counters: readonly CounterSpec[], cost: number, outcome: Admission): void {
    this.#open().refund(account, counters, cost, outcome);
  }

  reset(account: string, name?: string, limiter?: string): void {
    this.#forget(account, name, limiter, true);
  }

  pardon(account: string, name?: string, limiter?: string): void {
    this.#forget(account, name, limiter, false);
  }

  /**
   * Throttles counters from now, for one duration each; 0 ends a throttling. It is for a copy that follows another
   * store, so violations do not matter. Counters without a throttle do not change.
   */
  throttle(account: string, counters: readonly CounterSpec[], throttledMs: readonly number[]): void {
    const open = this.#open();
    if (open.table.throttlings.size === 0 && throttledMs.every((ms) => ms === 0)) return;
    open.follow(account, counters, throttledMs);
  }

  close(): void {
    this.#counters = undefined;
  }

  /** How many counters the store has, and how many it has evicted. */
  stats(): MemoryStoreStats {
    const { size, evictedExpired, evictedUnexpired } = this.#open().table;
    return {
      counters: size,
      maxCounters: this.#maxCounters,
      evictedExpired,
      evictedUnexpired,
    };
  }

  /** Forgets the violations of the counters, and with `isReset` the counters as well. */
  #forget(account: string, name: string | undefined, limiter: string | undefined, isReset: boolean): void {
    const open = this.#open();
    const { table } = open;
    const now = open.tick();
    const key = table.keyOf(account);
    if (name !== undefined) {
      const stored = new StoredKey(table, key);
      stored.read(name, key);
      const names = isReset ? [stored.name, violationsName(stored.name)] : [violationsName(stored.name)];
      for (const slot of names.map((one) => table.find(one, stored.key, now))) if (slot >= 0) table.remove(slot);
      return;
    }
    for (const slot of table.slotsOf(key)) {
      const stored = table.nameOf(slot);
      if (!isReset && !isViolationsName(stored)) continue;
      if (limiter === undefined || limiter === limiterOfStored(stored)) table.remove(slot);
    }
  }

  #open(): Counters {
    if (this.#counters === undefined) throw closedError('MemoryStore');
    return this.#counters;
  }

  static {
    countersOf = (store) => store.#open();
  }
}

/** A copy of the outcome. */
function copyOf(scratch: ScratchOutcome, counters: readonly CounterSpec[]): Outcome {
  const { allowed, now, used, resetAfterMs, retryAfterMs, throttledMs, beganThrottling, token } = scratch;
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
  for (let index = 2; index < count; index++) all.push(numbers[index]!);
  all.length = count;
  return all;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
