import type { MaybePromise } from '../promises.js';

/**
 * One minute of one account and category. Requests are counted, not their cost. A minute is named by its first instant, in
 * milliseconds since the epoch, by the wall clock of the process that decided.
 */
export interface UsageMinute {
  /** `''` stands for all categories beyond the number that is kept apart; see {@link MAX_CATEGORIES}. */
  readonly category: string;
  readonly minuteAt: number;
  /** Requests that were let through, whoever decided, and also those that no limit applied to. */
  readonly admitted: number;
  /** Requests that were turned away. */
  readonly refused: number;
  /** Of those admitted, the ones that passed only because their limits are observed. */
  readonly wouldRefuse: number;
  /** The most requests, admitted and refused, in one second of the clock. */
  readonly peakPerSecond: number;
}

/** How full a quota was: the fullest of those that applied, at the fullest of the time that is spoken of. */
export interface UsageFullest {
  readonly used: number;
  /** The limit that held then: the shrunk one of a counter that was throttled. */
  readonly limit: number;
  readonly windowMs: number;
}

/** What one process has counted of one minute, account and category since it last told. */
export interface UsageEntry {
  /**
   * Whose, as {@link usageAccount} names it: as a store's counters are named, so that an address begins with `@:` and an
   * account's own first `@` is doubled, and at most 257 UTF-16 units.
   */
  readonly account: string;
  readonly category: string;
  readonly minuteAt: number;
  readonly admitted: number;
  readonly refused: number;
  readonly wouldRefuse: number;
  /** Seconds of the minute, from 0 to 59, each followed by its number of requests; one may come twice. */
  readonly seconds: readonly number[];
  /** Left out where no quota applied. */
  readonly fullest?: UsageFullest | undefined;
}

/** An entry that was not added, or of which no one knows. */
export interface UsageFailure {
  readonly entry: UsageEntry;
  /** `'no'` if it surely was not counted and never will be: only then is it brought again. */
  readonly counted: 'no' | 'unknown';
}

/** Who is nearest to the limits, and who is refused most, lately. */
export interface UsageTop {
  readonly at: number;
  /** Since when: the beginning of the minute before the one that `at` is in. */
  readonly from: number;
  /** The highest `share` first. */
  readonly nearest: readonly UsageNearest[];
  /** The most refused first; those with none are left out. */
  readonly refused: readonly UsageRefused[];
}

export interface UsageNearest extends UsageFullest {
  /** Named as in {@link UsageEntry}. */
  readonly account: string;
  readonly category: string;
  /** `used / limit`; above 1 where a limit was lowered, or is only observed. */
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
 * Where usage is kept. Limiters bring what they have counted, a batch at a time, and never while a request waits.
 *
 * Names may be hostile: any characters, and up to 257 UTF-16 units. What is brought for one account, category and minute adds up, whichever
 * process brings it and however often; `peakPerSecond` is the highest sum of a second, as long as the parts of a minute come
 * within five minutes of each other, and the highest of the parts' own sums where they do not.
 */
export interface UsageStore {
  /**
   * Adds a batch. Resolves with the entries that it could not add; nothing, where all are. To count an entry twice is worse
   * than to lose it: one that may have been counted is `'unknown'`, and is not brought again. Where it throws or rejects,
   * the whole batch failed: with a `StoreError` whose `charged` is `'no'` it is brought again, else it is lost.
   */
  add(entries: readonly UsageEntry[]): MaybePromise<readonly UsageFailure[] | undefined>;

  /**
   * The minutes of an account that begin in `[from, to)`, in any order, each category's minute once.
   *
   * @param account Named as in {@link UsageEntry}.
   */
  read(account: string, from: number, to: number): MaybePromise<readonly UsageMinute[]>;

  /** Of each list the first `limit`: an integer from 1 to 100. */
  top(options: { readonly limit: number }): MaybePromise<UsageTop>;

  /** Releases what the store holds. Afterwards every other method fails; a second `close` does nothing. */
  close(): MaybePromise<void>;
}

/**
 * How many categories of one account are kept apart, in a process and in an hour of a store; further ones are counted
 * together, under `''`. A category may come from the request, so someone may send a million.
 */
export const MAX_CATEGORIES = 64;

/** No charge has this category. */
export const OTHER_CATEGORIES = '';

export function requestsOf({ admitted, refused }: Pick<UsageEntry, 'admitted' | 'refused'>): number {
  return admitted + refused;
}
