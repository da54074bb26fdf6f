import { ownCopy } from '../bounded-name.js';
import { MAX_CATEGORIES, OTHER_CATEGORIES, type UsageEntry } from '../store/index.js';
import { MinuteLog } from './minute-log.js';
import { othersOf } from './read-usage.js';

/** The logs of one hour, by account; the categories of an account are a chain. */
export class UsageHour {
  readonly accounts: Map<string, MinuteLog> = new Map();
  minutes = 0;
  /** All logs except those of others, in no order, to take a sample. */
  readonly #logs: MinuteLog[] = [];

  /** The log of the entry's category, or of all other categories if the account has too many. */
  find({ account, category }: Pick<UsageEntry, 'account' | 'category'>): MinuteLog | undefined {
    let log = this.accounts.get(account);
    while (log !== undefined && log.category !== category && log.category !== OTHER_CATEGORIES) log = log.next;
    return log;
  }

  /** Adds a log for a category that has none in this hour. */
  addLog({ account, category }: Pick<UsageEntry, 'account' | 'category'>): MinuteLog {
    let last = this.accounts.get(account);
    let categories = 1;
    while (last?.next !== undefined) {
      last = last.next;
      categories++;
    }
    const name = last !== undefined && categories === MAX_CATEGORIES ? OTHER_CATEGORIES : ownCopy(category);
    const made = new MinuteLog(last?.account ?? ownCopy(account), name);
    if (last === undefined) this.accounts.set(made.account, made);
    else last.next = made;
    if (made.account !== othersOf(made.account)) {
      made.index = this.#logs.length;
      this.#logs.push(made);
    }
    return made;
  }

  /** The number of logs, without those of others. */
  get size(): number {
    return this.#logs.length;
  }

  /** Removes the log with the fewest requests of a small sample. Its minutes are still counted. */
  removeLeastUsed(): MinuteLog {
    let least = this.#sample();
    for (let sampled = 1; sampled < SAMPLE; sampled++) {
      const log = this.#sample();
      if (log.requests < least.requests) least = log;
    }
    this.#remove(least);
    return least;
  }

  /** The log of others for the log's category. */
  othersOf({ account, category }: MinuteLog): MinuteLog {
    const place = { account: othersOf(account), category };
    return this.find(place) ?? this.addLog(place);
  }

  #sample(): MinuteLog {
    return this.#logs[Math.floor(Math.random() * this.#logs.length)]!;
  }

  #remove(log: MinuteLog): void {
    const last = this.#logs.pop()!;
    if (last !== log) {
      last.index = log.index;
      this.#logs[log.index] = last;
    }
    const first = this.accounts.get(log.account)!;
    if (first !== log) {
      let before = first;
      while (before.next !== log) before = before.next!;
      before.next = log.next;
    } else if (log.next === undefined) this.accounts.delete(log.account);
    else this.accounts.set(log.account, log.next);
  }
}

const SAMPLE = 8;
