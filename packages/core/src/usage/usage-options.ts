import { checkFunction, checkInteger, checkOptions } from '../check.js';
import { type Clock, wallClock } from '../clock.js';
import { optionConflictError, optionTypeError } from '../errors.js';
import type { UsageStore } from '../store/index.js';

export interface UsageOptions {
  /**
   * Where usage is kept. It stays open when the limiter is closed. Default: the place that the limiter's own store
   * offers, as a `RedisStore` does; else a `MemoryUsage` of the limiter's own.
   */
  readonly store?: UsageStore;
  /** How many days usage is kept, where `store` is not given: an integer from 1 to 366, default 30. */
  readonly keepDays?: number;
  /** Milliseconds between two flushes to the store: an integer from 100 to 60000, default 10000. */
  readonly flushMs?: number;
  /**
   * The most entries that wait for a flush: an integer from 1 to 1000000, default 100000. Each pair of account and
   * category has one for each minute. What comes beyond it is not counted, except in `stats().usage.dropped`.
   */
  readonly maxEntries?: number;
  /** The wall clock, in milliseconds since the epoch. Default: the system's, read once a second. */
  readonly clock?: Clock;
}

/** What a limiter has counted for usage since it was made, in requests and corrections. */
export interface UsageStats {
  /** Counted here, and not yet stored. */
  readonly pending: number;
  readonly stored: number;
  /** Not counted, because `maxEntries` was reached. */
  readonly dropped: number;
  /** Sent to the store, which may or may not have counted them. */
  readonly lost: number;
}

/** Checked options. */
export interface CheckedUsage {
  readonly store: UsageStore | undefined;
  readonly keepDays: number;
  readonly flushMs: number;
  readonly maxEntries: number;
  /** `undefined` for the system's, which is read once a second. */
  readonly clock: Clock | undefined;
}

/** `undefined` if usage is off. */
export function readUsageOptions(usage: boolean | UsageOptions | undefined): CheckedUsage | undefined {
  if (usage === undefined || usage === false) return undefined;
  const options: UsageOptions = usage === true ? {} : usage;
  checkOptions('usage', options, ['store', 'keepDays', 'flushMs', 'maxEntries', 'clock']);
  const { store, keepDays, flushMs = 10_000, maxEntries = 100_000, clock } = options;
  if (store !== undefined && keepDays !== undefined) {
    throw optionConflictError(
      'Expected `usage.keepDays` only where the limiter makes its usage store, got `usage.store` too',
    );
  }
  return {
    store: store === undefined ? undefined : checkUsageStore('usage.store', store),
    keepDays: checkKeepDays('usage.keepDays', keepDays),
    flushMs: checkInteger('usage.flushMs', flushMs, 100, 60_000),
    maxEntries: checkInteger('usage.maxEntries', maxEntries, 1, 1_000_000),
    clock: clock === undefined || clock === wallClock ? undefined : checkFunction('usage.clock', clock),
  };
}

export function checkKeepDays(option: string, keepDays: number = 30): number {
  return checkInteger(option, keepDays, 1, 366);
}

export function checkUsageStore(option: string, store: UsageStore): UsageStore {
  for (const method of ['add', 'read', 'top', 'close'] as const) {
    if (typeof store?.[method] !== 'function') {
      throw optionTypeError(option, `a usage store with the method ${method}`, store);
    }
  }
  return store;
}
