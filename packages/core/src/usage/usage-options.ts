import type { Clock } from '../clock.js';
import type { UsageStore } from './usage-store.js';

export interface UsageOptions {
  /**
   * Where usage is kept. It stays open when the limiter is closed. Default: what the limiter's own store offers, as a
   * `RedisStore` does; else a `MemoryUsage` of the limiter's own.
   */
  readonly store?: UsageStore;
  /** For how many days usage is kept, where `store` is not given: an integer from 1 to 366, default 30. */
  readonly keepDays?: number;
  /** How often what was counted is brought to the store: an integer from 100 to 60000 milliseconds, default 10000. */
  readonly flushMs?: number;
  /**
   * The most accounts and categories that are counted at once between two flushes, each pair and each minute of it that is
   * not yet stored: an integer from 1 to 1000000, default 100000. Requests beyond are not counted, and `stats().usage.dropped` tells.
   */
  readonly maxEntries?: number;
  /** The wall clock, in milliseconds since the epoch. Default: the system's, looked at once a second. */
  readonly clock?: Clock;
}

/** What a limiter that counts usage has counted since it was made, in requests. */
export interface UsageStats {
  /** Counted here, and not yet brought to the store. */
  readonly pending: number;
  readonly stored: number;
  /** Not counted, because `maxEntries` was reached. */
  readonly dropped: number;
  /** Brought to the store, which may or may not have counted them. */
  readonly lost: number;
}
