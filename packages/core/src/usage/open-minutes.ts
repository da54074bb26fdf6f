import { entryOf } from './entry-of.js';
import { MINUTE_MS } from './usage-period.js';
import type { UsageEntry, UsageFullest, UsageNearest, UsageRefused, UsageTop } from './usage-store.js';

/** What is known of a minute only for as long as parts of it may still come. */
interface OpenMinute {
  readonly account: string;
  readonly category: string;
  readonly perSecond: Map<number, number>;
  admitted: number;
  refused: number;
  fullest: UsageFullest | undefined;
}

/** The latest five minutes, in more detail than is kept for long. */
export class OpenMinutes {
  readonly #minutes = new Map<number, Map<string, Map<string, OpenMinute>>>();
  #latestAt = 0;

  /** Adds an entry, as of that category, and tells the most requests in one second of the minute that are known of now. */
  add(entry: UsageEntry, category: string): number {
    const { minuteAt, seconds } = entry;
    if (minuteAt > this.#latestAt) {
      this.#latestAt = minuteAt;
      for (const at of this.#minutes.keys()) if (at <= minuteAt - OPEN_MS) this.#minutes.delete(at);
    }
    const isOpen = minuteAt > this.#latestAt - OPEN_MS;
    const open = isOpen ? this.#openOf(entry, category) : newOpen(entry, category);
    let peak = 0;
    for (let index = 0; index < seconds.length; index += 2) {
      const second = seconds[index]!;
      const requests = (open.perSecond.get(second) ?? 0) + seconds[index + 1]!;
      open.perSecond.set(second, requests);
      peak = Math.max(peak, requests);
    }
    open.admitted += entry.admitted;
    open.refused += entry.refused;
    open.fullest = fuller(open.fullest, entry.fullest);
    return peak;
  }

  /** The first of both lists, of the minutes since `from`. */
  top(from: number, limit: number): Pick<UsageTop, 'nearest' | 'refused'> {
    const nearest = new Leaders<UsageNearest>(limit, ({ share }) => share);
    const refused = new Leaders<UsageRefused>(limit, ({ refused }) => refused);
    for (const counted of this.#since(from)) {
      const { account, category, fullest } = counted;
      if (fullest !== undefined) {
        nearest.add({ account, category, share: fullest.used / fullest.limit, ...fullest });
      }
      if (counted.refused > 0) {
        refused.add({ account, category, refused: counted.refused, admitted: counted.admitted });
      }
    }
    return { nearest: nearest.all, refused: refused.all };
  }

  clear(): void {
    this.#minutes.clear();
  }

  /** Of each account and category, all minutes since then put together. */
  *#since(from: number): Generator<Pick<OpenMinute, 'account' | 'category' | 'admitted' | 'refused' | 'fullest'>> {
    const parts = [...this.#minutes].filter(([at]) => at >= from).map(([, accounts]) => accounts);
    for (const [index, accounts] of parts.entries()) {
      for (const [account, categories] of accounts) {
        for (const [category, open] of categories) {
          if (parts.slice(0, index).some((earlier) => earlier.get(account)?.has(category))) continue;
          let { admitted, refused, fullest } = open;
          for (const later of parts.slice(index + 1)) {
            const other = later.get(account)?.get(category);
            if (other === undefined) continue;
            admitted += other.admitted;
            refused += other.refused;
            fullest = fuller(fullest, other.fullest);
          }
          yield { account, category, admitted, refused, fullest };
        }
      }
    }
  }

  #openOf(entry: UsageEntry, category: string): OpenMinute {
    const accounts = entryOf(this.#minutes, entry.minuteAt, () => new Map<string, Map<string, OpenMinute>>());
    const categories = entryOf(accounts, entry.account, () => new Map<string, OpenMinute>());
    return entryOf(categories, category, () => newOpen(entry, category));
  }
}

const OPEN_MS = 5 * MINUTE_MS;

function newOpen({ account }: UsageEntry, category: string): OpenMinute {
  return { account, category, perSecond: new Map(), admitted: 0, refused: 0, fullest: undefined };
}

function fuller(one: UsageFullest | undefined, other: UsageFullest | undefined): UsageFullest | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.used * other.limit >= other.used * one.limit ? one : other;
}

/** The highest of many, the highest first, in a list that stays short. */
class Leaders<T> {
  readonly all: T[] = [];
  readonly #limit: number;
  readonly #score: (one: T) => number;

  constructor(limit: number, score: (one: T) => number) {
    this.#limit = limit;
    this.#score = score;
  }

  add(one: T): void {
    const score = this.#score(one);
    if (this.all.length === this.#limit && score <= this.#score(this.all.at(-1)!)) return;
    let place = this.all.length;
    while (place > 0 && this.#score(this.all[place - 1]!) < score) place--;
    this.all.splice(place, 0, one);
    if (this.all.length > this.#limit) this.all.pop();
  }
}
