import type { Fullest } from '../decision/index.js';
import { addCorrections, type UsageCorrections, type UsageEntry } from '../store/index.js';

/** What is counted for one account and category: fields of small numbers, which each request changes in place. */
export class Tally implements Fullest {
  // Fields that every request changes come first.
  /** The second of the latest request, since the epoch. */
  second: number;
  inSecond = 0;
  admitted = 0;
  used = 0;
  limit = 1;
  readonly category: string;
  refused = 0;
  wouldRefuse = 0;
  windowMs = 0;
  minute: number;
  /** As {@link usageAccount} names it. */
  readonly account: string;
  /** The name in the meter's map of accounts or addresses. */
  readonly key: string;
  readonly isAddress: boolean;
  /** The place in the meter's list; −1 if it is not there. */
  index = -1;
  /** The next category of the account. */
  next: Tally | undefined = undefined;
  /** The past seconds of the minute, each followed by its number of requests. */
  seconds: number[] = [];
  /** Most tallies have none. */
  corrections: UsageCorrections | undefined = undefined;

  constructor({ account, key, isAddress }: Owner, category: string, second: number) {
    this.account = account;
    this.key = key;
    this.isAddress = isAddress;
    this.category = category;
    this.second = second;
    this.minute = minuteOf(second);
  }

  get requests(): number {
    return this.admitted + this.refused;
  }

  get isEmpty(): boolean {
    return this.requests === 0 && this.corrections === undefined;
  }

  /** Counts a correction of a charge from one cost to another, in units. The cost before a debit is 0. */
  correct(cost: number, actualCost: number): void {
    const units = actualCost - cost;
    this.corrections = addCorrections(this.corrections, {
      count: 1,
      refundedUnits: Math.max(0, -units),
      debitedUnits: Math.max(0, units),
    });
  }

  /** Ends the current second, and begins another one of the same minute. */
  turn(second: number): void {
    if (this.inSecond > 0) this.seconds.push(this.second % 60, this.inSecond);
    this.second = second;
    this.inSecond = 0;
  }

  /** Returns what was counted, and starts again at 0. */
  take(): UsageEntry {
    this.turn(this.second);
    const { account, category, admitted, refused, wouldRefuse, seconds, used, limit, windowMs, corrections } = this;
    const minuteAt = this.minute * 60_000;
    const fullest = used > 0 ? { used, limit, windowMs } : undefined;
    this.admitted = 0;
    this.refused = 0;
    this.wouldRefuse = 0;
    this.used = 0;
    this.limit = 1;
    this.windowMs = 0;
    this.seconds = [];
    this.corrections = undefined;
    return { account, category, minuteAt, admitted, refused, wouldRefuse, seconds, fullest, corrections };
  }
}

/** Whose requests a tally counts. */
export type Owner = Pick<Tally, 'account' | 'key' | 'isAddress'>;

export function minuteOf(second: number): number {
  return Math.floor(second / 60);
}
