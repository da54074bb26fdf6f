import { type CounterSpec, longestMsOf, MAX_UNITS } from '../store/index.js';

/** Admissions of one account on the same counters, so close in time that they count as one. */
export class JournalEntry {
  readonly account: string;
  readonly firstAt: number;
  counters: readonly CounterSpec[];
  /** The latest of them: counted from then, none of them stops counting early. */
  at: number;
  cost: number;
  admissions = 1;
  /** Whether it is in the journal, and not on its way to the store. */
  isHere = true;

  constructor(account: string, counters: readonly CounterSpec[], cost: number, at: number) {
    this.account = account;
    this.counters = counters;
    this.cost = cost;
    this.firstAt = at;
    this.at = at;
  }

  /** Takes one of the admissions out again; on its way to the store, that helps only if it comes back. */
  withdraw(cost: number): void {
    this.cost -= cost;
    this.admissions--;
  }

  /** Until when it can matter to any window. */
  get countsUntil(): number {
    return this.at + longestMs(this.counters);
  }
}

/** What a store does not know yet, in bounded memory: by account, about in the order of time. */
export class Journal {
  readonly #maxEntries: number;
  readonly #byAccount = new Map<string, JournalEntry[]>();
  #entries = 0;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get isEmpty(): boolean {
    return this.#entries === 0;
  }

  /** Admissions, not entries. */
  get pending(): number {
    let pending = 0;
    for (const entries of this.#byAccount.values()) for (const { admissions } of entries) pending += admissions;
    return pending;
  }

  accounts(): string[] {
    return [...this.#byAccount.keys()];
  }

  /** Writes an admission down; `undefined` when there is no room for it. */
  add(account: string, counters: readonly CounterSpec[], cost: number, at: number): JournalEntry | undefined {
    const since = at - Math.ceil(shortestMs(counters) / COALESCED_PARTS);
    const near = this.#newest(account).find(
      (one) => one.counters === counters && one.firstAt >= since && one.cost + cost <= MAX_UNITS,
    );
    if (near === undefined) {
      const entry = new JournalEntry(account, counters, cost, at);
      return this.put(entry, at) ? entry : undefined;
    }
    near.at = at;
    near.cost += cost;
    near.admissions++;
    return near;
  }

  /** Puts an entry where its time belongs; false when there is no room. */
  put(entry: JournalEntry, now: number): boolean {
    if (this.#entries >= this.#maxEntries) this.#sweep(now);
    if (this.#entries >= this.#maxEntries) return false;
    let entries = this.#byAccount.get(entry.account);
    if (entries === undefined) {
      entries = [];
      this.#byAccount.set(entry.account, entries);
    }
    let place = entries.length;
    while (place > 0 && entries[place - 1]!.at > entry.at) place--;
    entries.splice(place, 0, entry);
    this.#entries++;
    entry.isHere = true;
    return true;
  }

  /** The account's oldest entry that still matters, no longer here. */
  take(account: string, now: number): JournalEntry | undefined {
    const entries = this.#byAccount.get(account);
    while (entries !== undefined && entries.length > 0) {
      const entry = entries[0]!;
      this.#remove(entry);
      if (entry.admissions > 0 && entry.countsUntil > now) return entry;
    }
    return undefined;
  }

  takeAll(account: string, now: number): JournalEntry[] {
    const taken: JournalEntry[] = [];
    for (let entry = this.take(account, now); entry !== undefined; entry = this.take(account, now)) taken.push(entry);
    return taken;
  }

  withdraw(entry: JournalEntry, cost: number): void {
    entry.withdraw(cost);
    if (entry.isHere && entry.admissions === 0) this.#remove(entry);
  }

  /** Forgets what is owed to one counter of the account, or to all. */
  forget(account: string, name?: string): void {
    for (const entry of [...(this.#byAccount.get(account) ?? [])]) {
      const left = name === undefined ? [] : entry.counters.filter((counter) => counter.name !== name);
      if (left.length === 0) this.#remove(entry);
      else if (left.length < entry.counters.length) entry.counters = left;
    }
  }

  /** A few of the account's newest entries: a charge may take turns on several counters. */
  #newest(account: string): JournalEntry[] {
    return this.#byAccount.get(account)?.slice(-LOOKED_AT) ?? [];
  }

  #remove(entry: JournalEntry): void {
    const entries = this.#byAccount.get(entry.account)!;
    entries.splice(entries.indexOf(entry), 1);
    if (entries.length === 0) this.#byAccount.delete(entry.account);
    this.#entries--;
    entry.isHere = false;
  }

  /** Throws out what no window counts any more, seldom: it looks at everything. */
  #sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.#sweptAt = now;
    for (const entries of [...this.#byAccount.values()]) {
      for (const entry of [...entries]) if (entry.countsUntil <= now) this.#remove(entry);
    }
  }
}

const COALESCED_PARTS = 128;
const LOOKED_AT = 8;
const SWEEP_EVERY_MS = 1000;

function shortestMs(counters: readonly CounterSpec[]): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (const { quotas } of counters) for (const { windowMs } of quotas) shortest = Math.min(shortest, windowMs);
  return shortest;
}

function longestMs(counters: readonly CounterSpec[]): number {
  let longest = 0;
  for (const { quotas } of counters) longest = Math.max(longest, longestMsOf(quotas));
  return longest;
}
