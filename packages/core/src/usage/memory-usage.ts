import { ownCopy } from '../bounded-name.js';
import { checkFunction, checkInteger, checkOptions } from '../check.js';
import { type Clock, wallClock } from '../clock.js';
import { entryOf } from '../entry-of.js';
import { closedError } from '../errors.js';
import {
  MAX_CATEGORIES,
  OTHER_CATEGORIES,
  type UsageEntry,
  type UsageFailure,
  type UsageMinute,
  type UsageStore,
  type UsageTop,
} from '../store/index.js';
import { MinuteLog } from './minute-log.js';
import { OpenMinutes } from './open-minutes.js';
import { checkKeepDays } from './usage-options.js';
import { MINUTE_MS } from './usage-period.js';

export interface MemoryUsageOptions {
  /** How many days usage is kept: an integer from 1 to 366, default 30. */
  readonly keepDays?: number;
  /**
   * The most minutes in memory, over all accounts and categories: an integer from 1 to 16777216, default 1000000. At
   * the cap the oldest hour is evicted first, and {@link MemoryUsageStats} counts its minutes.
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
  /** By hour, since whole hours are evicted. An account's categories have their logs in a chain. */
  readonly #hours = new Map<number, Hour>();
  readonly #open = new OpenMinutes();
  #minutes = 0;
  #evicted = 0;
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
    return { minutes: this.#minutes, maxMinutes: this.#maxMinutes, evicted: this.#evicted };
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
    let log = this.#find(hourAt, entry);
    if (log === undefined || !log.has(minute)) {
      if (!this.#makeRoom(hourAt)) return false;
      const hour = this.#hourOf(hourAt);
      log ??= addLog(hour, entry);
      hour.minutes++;
      this.#minutes++;
    }
    log.add(minute, entry, this.#open.add(entry, log));
    return true;
  }

  /** The log of the entry's category, or of all other categories if the account has too many. */
  #find(hourAt: number, { account, category }: UsageEntry): MinuteLog | undefined {
    let log = this.#hours.get(hourAt)?.accounts.get(account);
    while (log !== undefined && log.category !== category && log.category !== OTHER_CATEGORIES) log = log.next;
    return log;
  }

  #hourOf(hourAt: number): Hour {
    return entryOf(this.#hours, hourAt, () => {
      const keptFrom = this.#clock() - this.#keepDays * DAY_MS;
      for (const oldAt of this.#hours.keys()) if (oldAt + HOUR_MS <= keptFrom) this.#forget(oldAt);
      return { accounts: new Map(), minutes: 0 };
    });
  }

  /** Whether there is room for one more minute of that hour. */
  #makeRoom(hourAt: number): boolean {
    if (this.#minutes < this.#maxMinutes) return true;
    const oldestAt = Math.min(...this.#hours.keys());
    if (oldestAt >= hourAt) return false;
    this.#evicted += this.#hours.get(oldestAt)!.minutes;
    this.#forget(oldestAt);
    return true;
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

interface Hour {
  readonly accounts: Map<string, MinuteLog>;
  minutes: number;
}

/** Adds a log for a category that has none in this hour. */
function addLog({ accounts }: Hour, { account, category }: UsageEntry): MinuteLog {
  let last = accounts.get(account);
  let categories = 1;
  while (last?.next !== undefined) {
    last = last.next;
    categories++;
  }
  if (last === undefined) {
    const made = new MinuteLog(ownCopy(account), ownCopy(category));
    accounts.set(made.account, made);
    return made;
  }
  last.next = new MinuteLog(last.account, categories === MAX_CATEGORIES ? OTHER_CATEGORIES : ownCopy(category));
  return last.next;
}
