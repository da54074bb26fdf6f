import { checkFunction, checkInteger, checkOptions } from './check.js';
import { type Clock, monotonicClock } from './clock.js';
import { CounterTable } from './counter-table.js';
import { arrangeWindows, findWindow, lendWindow, openWindows, windowsFit } from './counter-windows.js';
import { closedError, optionRangeError } from './errors.js';
import { boundedName, counterName, isOfViolations, violationsName } from './names.js';
import { recordPast, SPARE_SLICES } from './past-charge.js';
import { fitsAt, soonest } from './room.js';
import type { CounterSpec, Outcome, Store } from './store.js';
import { Violations } from './violations.js';

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
  readonly #clock: Clock;
  /** Of the charge at hand: the slots of its counters, and those of their violations. */
  readonly #slots: [number, number, number, number] = [-1, -1, -1, -1];
  readonly #hasRoom: [boolean, boolean] = [true, true];
  #table: CounterTable | undefined;
  #violations: Violations;
  #now = 0;

  /**
   * @throws TypeError `TOLLGATE_OPTION_TYPE` or `TOLLGATE_OPTION_UNKNOWN`, RangeError `TOLLGATE_OPTION_RANGE`: see the
   * options.
   */
  constructor(options: MemoryStoreOptions = {}) {
    checkOptions('MemoryStore', options, ['maxCounters', 'clock']);
    // A charge touches up to two counters and their violations, so a store of fewer could not take it.
    const { maxCounters = 1_000_000, clock = monotonicClock } = options;
    this.#maxCounters = checkInteger('maxCounters', maxCounters, 4, 2 ** 24);
    this.#clock = checkFunction('clock', clock);
    this.#table = new CounterTable(this.#maxCounters);
    this.#violations = new Violations(this.#table);
  }

  consume(account: string, counters: readonly CounterSpec[], cost: number): Outcome {
    const table = this.#open();
    const now = this.#tick();
    table.reclaim(now);
    const key = boundedName(account);
    const outcome = this.#decide(table, key, counters, cost, now);
    if (!outcome.allowed) {
      if (!this.#violate(key, counters, now)) return outcome;
      return { ...this.#decide(table, key, counters, cost, now), beganThrottling: true };
    }
    if (cost > 0) this.#admit(table, key, counters, cost, outcome);
    return outcome;
  }

  peek(account: string, counters: readonly CounterSpec[], cost: number): Outcome {
    return this.#decide(this.#open(), boundedName(account), counters, cost, this.#tick());
  }

  record(account: string, counters: readonly CounterSpec[], cost: number, agoMs: number): void {
    const table = this.#open();
    const now = this.#tick();
    table.reclaim(now);
    if (cost === 0) return;
    recordPast(table, boundedName(account), counters, cost, now, now - agoMs);
  }

  refund(account: string, counters: readonly CounterSpec[], cost: number, outcome: Outcome): void {
    const table = this.#open();
    const now = this.#tick();
    const key = boundedName(account);
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
    const { names } = this.#open();
    this.#forget(account, name === undefined ? names : [counterName(name), violationsName(name)]);
  }

  pardon(account: string, name?: string): void {
    const { names } = this.#open();
    this.#forget(account, name === undefined ? names.filter(isOfViolations) : [violationsName(name)]);
  }

  /**
   * Throttles counters for so long from now, one number for each, or ends that with 0, whatever their violations: for a copy
   * that follows another store. Counters without a throttle are left alone.
   */
  throttle(account: string, counters: readonly CounterSpec[], throttledMs: readonly number[]): void {
    const { throttlings } = this.#open();
    if (throttlings.size === 0 && throttledMs.every((ms) => ms === 0)) return;
    const now = this.#tick();
    const key = boundedName(account);
    for (const [place, counter] of counters.entries()) {
      this.#violations.follow(counter, key, now, throttledMs[place]!);
    }
  }

  close(): void {
    this.#table = undefined;
  }

  /** What the store holds and what it had to give up. */
  stats(): MemoryStoreStats {
    const { size, evictedExpired, evictedUnexpired } = this.#open();
    return {
      counters: size,
      maxCounters: this.#maxCounters,
      evictedExpired,
      evictedUnexpired,
    };
  }

  /** Whether the charge fits, and how full every quota is. Leaves slots in `#slots`, and writes nothing. */
  #decide(table: CounterTable, key: string, counters: readonly CounterSpec[], cost: number, now: number): OpenOutcome {
    const { windows } = table;
    const answers = countQuotas(counters);
    const outcome: OpenOutcome = {
      allowed: true,
      now,
      used: zeros(answers),
      resetAfterMs: zeros(answers),
      retryAfterMs: 0,
      token: table.births,
    };
    this.#slots[0] = -1;
    this.#slots[1] = -1;
    this.#slots[2] = -1;
    this.#slots[3] = -1;
    let answered = 0;
    for (let index = 0; index < counters.length; index++) {
      const { name, quotas, throttle } = counters[index]!;
      const slot = table.find(counterName(name), key, now);
      this.#slots[index as 0] = slot;
      this.#hasRoom[index as 0] = true;
      const endsAt = throttle === undefined ? 0 : this.#throttledUntil(index, name, key, now);
      if (throttle !== undefined) {
        outcome.throttledMs ??= zeros(counters.length);
        outcome.throttledMs[index] = endsAt - now;
      }
      const shrinks = endsAt > now ? throttle : undefined;
      for (let at = 0; at < quotas.length; at++) {
        const { limit, windowMs } = quotas[at]!;
        const own = slot < 0 ? -1 : findWindow(table, slot, at, windowMs);
        const lent = own < 0 && slot >= 0 ? lendWindow(table, slot, windowMs, now) : -1;
        const window = Math.max(own, lent);
        const used = window < 0 ? 0 : windows.used(window, now);
        const shrunk = shrinks === undefined ? limit : shrinks.limitOf(limit);
        if (used > 0 && used <= limit && shrinks === undefined) {
          outcome.used[answered] = used;
          outcome.resetAfterMs[answered] = windows.oldestLeavesAt(window) - now;
        } else if (used > 0 || shrinks !== undefined) {
          const units = Math.max(0, shrunk - used) + 1;
          const growsAt = fitsAt(windows, window, used, limit, units, now, shrinks, endsAt);
          outcome.used[answered] = used;
          outcome.resetAfterMs[answered] = growsAt === Number.POSITIVE_INFINITY ? 0 : growsAt - now;
        }
        answered++;
        if (used + cost > shrunk && cost > 0) {
          outcome.allowed = false;
          const roomAt = fitsAt(windows, window, used, limit, cost, now, shrinks, endsAt);
          outcome.retryAfterMs = Math.max(outcome.retryAfterMs, roomAt - now);
          this.#hasRoom[index as 0] = false;
        }
        if (lent >= 0) windows.free(lent, 1);
      }
    }
    return outcome;
  }

  /** Until when the charge's counter of that place is throttled; now if it is not. */
  #throttledUntil(index: number, name: string, key: string, now: number): number {
    const slot = this.#violations.find(name, key, now);
    this.#slots[(2 + index) as 2] = slot;
    return Math.max(now, this.#violations.endsAt(slot));
  }

  /** Counts a violation on each counter that had no room for the charge at hand; whether that throttles one. */
  #violate(key: string, counters: readonly CounterSpec[], now: number): boolean {
    let began = false;
    for (let index = 0; index < counters.length; index++) {
      const counter = counters[index]!;
      if (counter.throttle === undefined || this.#hasRoom[index as 0]) continue;
      const slot = this.#slots[(2 + index) as 2];
      if (this.#violations.count(slot, counter, counter.throttle, key, now, this.#slots)) began = true;
    }
    return began;
  }

  #admit(table: CounterTable, key: string, counters: readonly CounterSpec[], cost: number, outcome: OpenOutcome): void {
    const { windows } = table;
    const { now } = outcome;
    let answered = 0;
    for (let index = 0; index < counters.length; index++) {
      const { name, quotas } = counters[index]!;
      let slot = this.#slots[index]!;
      if (slot < 0) {
        slot = table.create(counterName(name), key, now, now + quotas[0]!.windowMs, this.#slots);
        openWindows(table, slot, quotas);
        this.#slots[index as 0] = slot;
      } else if (!windowsFit(table, slot, quotas, now)) {
        arrangeWindows(table, slot, quotas, now);
      }
      const first = table.firstWindow(slot);
      let longestMs = 0;
      for (let at = 0; at < table.windowCount(slot); at++) {
        const window = first + at;
        const quota = quotas[at];
        longestMs = Math.max(longestMs, windows.windowMs(window));
        if (quota === undefined) {
          windows.admit(window, now, cost, Math.ceil(windows.windowMs(window) / SPARE_SLICES), SPARE_SLICES + 1);
          continue;
        }
        windows.setLimit(window, quota.limit);
        const slices = windows.admit(window, now, cost, quota.sliceMs, quota.maxSlices);
        outcome.used[answered] = outcome.used[answered]! + cost;
        // With more than one slice, the oldest is the one that was there before.
        if (slices === 1)
          outcome.resetAfterMs[answered] = soonest(counters[index]!, quota, outcome.throttledMs?.[index]);
        answered++;
      }
      table.extend(slot, now + longestMs);
    }
    outcome.token = table.births;
  }

  #forget(account: string, names: readonly string[]): void {
    const table = this.#open();
    const now = this.#tick();
    const key = boundedName(account);
    for (const name of names) {
      const slot = table.find(name, key, now);
      if (slot >= 0) table.remove(slot);
    }
  }

  #open(): CounterTable {
    if (this.#table === undefined) throw closedError('MemoryStore');
    return this.#table;
  }

  /** The clock in whole milliseconds, held at its latest instant when it steps back. */
  #tick(): number {
    const instant = this.#clock();
    if (!Number.isFinite(instant)) throw optionRangeError('clock', 'a clock that tells finite milliseconds', instant);
    const now = Math.floor(instant);
    if (now > this.#now) this.#now = now;
    return this.#now;
  }
}

function countQuotas(counters: readonly CounterSpec[]): number {
  let count = 0;
  for (const { quotas } of counters) count += quotas.length;
  return count;
}

/** Made at its full length at once, an array takes a fraction of the memory of one that grows. */
function zeros(length: number): number[] {
  switch (length) {
    case 1:
      return [0];
    case 2:
      return [0, 0];
    case 3:
      return [0, 0, 0];
    default:
      return new Array<number>(length).fill(0);
  }
}

/** An outcome that is still being worked out. */
interface OpenOutcome extends Outcome {
  throttledMs?: number[];
  allowed: boolean;
  readonly used: number[];
  readonly resetAfterMs: number[];
  retryAfterMs: number;
  token: number;
}
