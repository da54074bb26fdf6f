import { checkFunction, checkInteger, checkOptions } from '../check.js';
import { type Clock, wallClock } from '../clock.js';
import { entryOf } from '../entry-of.js';
import { closedError } from '../errors.js';
import type { UsageEntry, UsageFailure, UsageMinute, UsageStore, UsageTop } from '../store/index.js';
import { OpenMinutes } from './open-minutes.js';
import { othersOf } from './read-usage.js';
import { UsageHour } from './usage-hour.js';
import { checkKeepDays } from './usage-options.js';
import { MINUTE_MS } from './usage-period.js';

export interface MemoryUsageOptions {
  /** How many days usage is kept: an integer from 1 to 366, default 30. */
  readonly keepDays?: number;
  /**
   * The most minutes in memory, over all accounts and categories: an integer from 1 to 16777216, default 1000000. At
   * the cap the oldest hour is evicted, and {@link MemoryUsageStats} counts its minutes. If one hour has more
   * pairs of account and category than a quarter of them, its least used pairs are counted together instead, as the
   * account `_OTHER`.
   */
  readonly maxMinutes?: number;
  /** The wall clock, in milliseconds since the epoch. Default: the system's. */
  readonly clock?: Clock;
}

export interface MemoryUsageStats {
  /** Minutes in memory now, over all accounts and categories. */
  readonly minutes: number;
  readonly maxMinutes: number;
  /** Minutes evicted at the cap, before `keepDays` had passed. */
  readonly evicted: number;
  /** Minutes that were moved to `_OTHER` at the cap. */
  readonly joined: number;
}

/**
 * Usage in the memory of this process, for a service that runs as one process. Usage ends with the process. Several
 * limiters of the process may share one.
 *
 * @example
 * const store = new MemoryUsage({ keepDays: 7 });
 * const limiter = new RateLimiter({ policy, usage: { store } });
 */
export class MemoryUsage implements UsageStore {
  readonly #keepDays: number;
  readonly #maxMinutes: number;
  readonly #clock: Clock;
  /** By hour, since whole hours are evicted. */
  readonly #hours = new Map<number, UsageHour>();
  readonly #open = new OpenMinutes();
  #minutes = 0;
  #evicted = 0;
  #joined = 0;
  #closed = false;

  /**
   * @throws TypeError `TOLLGATE_OPTION_TYPE` or `TOLLGATE_OPTION_UNKNOWN`, RangeError `TOLLGATE_OPTION_RANGE`: see the
   * options.
   */
  constructor(options: MemoryUsageOptions = {}) {
    checkOptions('MemoryUsage', options, ['keepDays', 'maxMinutes', 'clock']);
    const { keepDays, maxMinutes = 1_000_000, clock = wallClock } = options;
    this.#keepDays = checkKeepDays('keepDays', keepDays);
    this.#maxMinutes = checkInteger('maxMinutes', maxMinutes, 1, 2 ** 24);
    this.#clock = checkFunction('clock', clock);
  }

  add(entries: readonly UsageEntry[]): readonly UsageFailure[] | undefined {
    this.#checkOpen();
    let failures: UsageFailure[] | undefined;
    for (const entry of entries) {
      if (this.#add(entry)) continue;
      failures ??= [];
      failures.push({ entry, counted: 'no' });
    }
    return failures;
  }

  read(account: string, from: number, to: number): readonly UsageMinute[] {
    this.#checkOpen();
    const found: UsageMinute[] = [];
    for (const [hourAt, { accounts }] of this.#hours) {
      if (hourAt + HOUR_MS <= from || hourAt >= to) continue;
      for (let log = accounts.get(account); log !== undefined; log = log.next) log.read(hourAt, from, to, found);
    }
    return found;
  }

  top({ limit }: { readonly limit: number }): UsageTop {
    this.#checkOpen();
    checkInteger('limit', limit, 1, 100);
    const now = this.#clock();
    const from = (Math.floor(now / MINUTE_MS) - 1) * MINUTE_MS;
    return { at: now, from, ...this.#open.top(from, limit) };
  }

  stats(): MemoryUsageStats {
    return { minutes: this.#minutes, maxMinutes: this.#maxMinutes, evicted: this.#evicted, joined: this.#joined };
  }

  close(): void {
    this.#closed = true;
    this.#hours.clear();
    this.#open.clear();
    this.#minutes = 0;
  }

  #add(entry: UsageEntry): boolean {
    const hourAt = Math.floor(entry.minuteAt / HOUR_MS) * HOUR_MS;
    const minute = Math.floor((entry.minuteAt - hourAt) / MINUTE_MS);
    const known = this.#hours.get(hourAt)?.find(entry);
    if (known?.has(minute)) {
      known.add(minute, entry, this.#open.add(entry, known));
      return true;
    }
    if (this.#minutes >= this.#maxMinutes && !this.#makeRoom(hourAt)) return this.#addToOthers(hourAt, minute, entry);
    const hour = this.#hourOf(hourAt);
    // What made room may have been this log.
    const log = hour.find(entry) ?? hour.addLog(entry);
    this.#count(hour, 1);
    log.add(minute, entry, this.#open.add(entry, log));
    return true;
  }

  /** Without room for another minute, the entry joins those of others, if they have this one. */
  #addToOthers(hourAt: number, minute: number, entry: UsageEntry): boolean {
    const others = { ...entry, account: othersOf(entry.account), fullest: undefined };
    const log = this.#hours.get(hourAt)?.find(others);
    if (log === undefined || !log.has(minute)) return false;
    log.add(minute, others, this.#open.add(others, log));
    return true;
  }

  #hourOf(hourAt: number): UsageHour {
    return entryOf(this.#hours, hourAt, () => {
      const keptFrom = this.#clock() - this.#keepDays * DAY_MS;
      for (const oldAt of this.#hours.keys()) if (oldAt + HOUR_MS <= keptFrom) this.#forget(oldAt);
      return new UsageHour();
    });
  }

  /** Whether there is room now for one more minute of that hour. */
  #makeRoom(hourAt: number): boolean {
    const hour = this.#hours.get(hourAt);
    if (hour !== undefined && this.#joinLeastUsed(hour)) return true;
    const oldestAt = Math.min(...this.#hours.keys());
    if (oldestAt >= hourAt) return false;
    this.#evicted += this.#hours.get(oldestAt)!.minutes;
    this.#forget(oldestAt);
    return true;
  }

  /** Moves the least used logs of a crowded hour to the account of others. Returns whether that made room. */
  #joinLeastUsed(hour: UsageHour): boolean {
    const before = hour.minutes;
    while (hour.size > this.#maxMinutes / CROWDED_PARTS) {
      const least = hour.removeLeastUsed();
      const others = hour.othersOf(least);
      const had = others.size;
      others.join(least);
      this.#open.move(least, others);
      this.#joined += least.size;
      this.#count(hour, others.size - had - least.size);
      if (hour.minutes < before) return true;
    }
    return false;
  }

  #count(hour: UsageHour, minutes: number): void {
    hour.minutes += minutes;
    this.#minutes += minutes;
  }

  #forget(hourAt: number): void {
    this.#minutes -= this.#hours.get(hourAt)!.minutes;
    this.#hours.delete(hourAt);
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('MemoryUsage');
  }
}

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** An hour is crowded if it has more logs than this part of all minutes. An account that is often busy has few. */
const CROWDED_PARTS = 4;
