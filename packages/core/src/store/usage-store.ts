import type { MaybePromise } from '../promises.js';

/** Corrections of charges, in the minute in which they were asked for. They are no requests. */
export interface UsageCorrections {
  /** Refunds, settled charges and debits. */
  readonly count: number;
  /** Units that refunds, and charges settled at a lower cost, have taken back. */
  readonly refundedUnits: number;
  /** Units that debits, and charges settled at a higher cost, have added. */
  readonly debitedUnits: number;
}

/**
 * One minute of one account and category. It counts requests, not their cost. `minuteAt` is its first instant, in
 * milliseconds since the epoch, by the wall clock of the process that decided.
 */
export interface UsageMinute {
  /** `''` stands for all categories beyond {@link MAX_CATEGORIES}. */
  readonly category: string;
  readonly minuteAt: number;
  /** Requests that were let through, whatever decided. They include requests that no limit applied to. */
  readonly admitted: number;
  /** Requests that were turned away. */
  readonly refused: number;
  /** The admitted requests that passed only because their limits are observed. */
  readonly wouldRefuse: number;
  /** The most requests, admitted and refused, in one second of the minute. */
  readonly peakPerSecond: number;
  /** Left out if there were none. A minute may have corrections alone, and no request. */
  readonly corrections?: UsageCorrections | undefined;
}

/** The fullest quota, at its fullest instant. */
export interface UsageFullest {
  readonly used: number;
  /** The limit at that instant: the shrunk one if the counter was throttled. */
  readonly limit: number;
  readonly windowMs: number;
}

/** What one process has counted for one minute, account and category since its last flush. */
export interface UsageEntry {
  /**
   * The account or address, as {@link usageAccount} names it: at most 257 UTF-16 units behind the name of the limiter.
   * As with a store's counters, an address begins with `@:`, and an account's own first `@` is doubled.
   */
  readonly account: string;
  readonly category: string;
  readonly minuteAt: number;
  readonly admitted: number;
  readonly refused: number;
  readonly wouldRefuse: number;
  /** Seconds of the minute, from 0 to 59, each followed by its number of requests. A second may occur twice. */
  readonly seconds: readonly number[];
  /** Left out if no quota applied. */
  readonly fullest?: UsageFullest | undefined;
  /** Left out if there were none. An entry may have corrections alone, and no request. */
  readonly corrections?: UsageCorrections | undefined;
}

/** An entry that was not added, or may not have been. */
export interface UsageFailure {
  readonly entry: UsageEntry;
  /** `'no'` if it was not counted and never will be. Only then is it sent again. */
  readonly counted: 'no' | 'unknown';
}

/** The accounts that were nearest to their limits lately, and those that were refused most. */
export interface UsageTop {
  /** The instant of the answer. */
  readonly at: number;
  /** The period begins here: the first instant of the minute before that of `at`. */
  readonly from: number;
  /** The highest `share` first. */
  readonly nearest: readonly UsageNearest[];
  /** The most refused first. Accounts without refusals are left out. */
  readonly refused: readonly UsageRefused[];
}

export interface UsageNearest extends UsageFullest {
  /** Named as in {@link UsageEntry}. */
  readonly account: string;
  readonly category: string;
  /** `used / limit`. It is above 1 where a limit was lowered, or is only observed. */
  readonly share: number;
}

export interface UsageRefused {
  /** Named as in {@link UsageEntry}. */
  readonly account: string;
  readonly category: string;
  readonly refused: number;
  readonly admitted: number;
}

/**
 * Where usage is kept. Limiters send what they have counted in batches, and no request waits for that.
 *
 * Names may be hostile: any characters, and up to 257 UTF-16 units. Entries of one account, category and minute add up,
 * whichever process sends them and however often. `peakPerSecond` is the highest sum of a second if the parts of a
 * minute arrive within five minutes of each other; else it is the highest sum within one part.
 */
export interface UsageStore {
  /**
   * Adds a batch. Returns the entries that it could not add, or nothing if it added all.
   *
   * To count an entry twice is worse than to lose it. So an entry that may have been counted is `'unknown'`, and is not
   * sent again. If `add` throws or rejects, the whole batch failed. It is sent again after a `StoreError` whose
   * `charged` is `'no'`, and lost after any other error.
   */
  add(entries: readonly UsageEntry[]): MaybePromise<readonly UsageFailure[] | undefined>;

  /**
   * The minutes of an account that begin in `[from, to)`, in any order. Each minute of a category occurs once.
   *
   * @param account Named as in {@link UsageEntry}.
   */
  read(account: string, from: number, to: number): MaybePromise<readonly UsageMinute[]>;

  /** The first `limit` entries of each list. `limit` is an integer from 1 to 100. */
  top(options: { readonly limit: number }): MaybePromise<UsageTop>;

  /** Releases the store's resources. Afterwards every other method fails, and a second `close` does nothing. */
  close(): MaybePromise<void>;
}

/**
 * The account of all that have no counts of their own, because there are too many accounts. A client may use this name
 * too, and is then counted with them.
 */
export const OTHER_ACCOUNTS = '_OTHER';

/**
 * The most categories of one account that are counted separately, in a process and in an hour of a store. Further ones
 * are counted together, under `''`. A category may come from the request, so a client may send a million.
 */
export const MAX_CATEGORIES = 64;

/** Stands for all further categories. No charge has this category. */
export const OTHER_CATEGORIES = '';

export function requestsOf({ admitted, refused }: Pick<UsageEntry, 'admitted' | 'refused'>): number {
  return admitted + refused;
}

/** The sum of the corrections of two parts of a minute; `undefined` if neither had any. */
export function addCorrections(
  one: UsageCorrections | undefined,
  other: UsageCorrections | undefined,
): UsageCorrections | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return {
    count: one.count + other.count,
    refundedUnits: one.refundedUnits + other.refundedUnits,
    debitedUnits: one.debitedUnits + other.debitedUnits,
  };
}
