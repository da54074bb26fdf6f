import { entryOf } from '../entry-of.js';
import { type CounterSpec, longestMsOfAll, MAX_UNITS, ownersOf } from '../store/index.js';
import type { Doubt } from './uncounted.js';

/** Admissions of one account on the same counters, close enough in time to be recorded as one. */
export class JournalEntry {
  readonly account: string;
  readonly firstAt: number;
  counters: readonly CounterSpec[];
  /** The latest admission. Recorded at this instant, none of them stops counting early. */
  latestAt: number;
  cost: number;
  admissions = 1;
  /** Whether it is in the journal, and not on its way to the store. */
  isInJournal = true;
  /** Set when the store may not have counted it. */
  doubts: readonly Doubt[] | undefined = undefined;

  constructor(account: string, counters: readonly CounterSpec[], cost: number, at: number) {
    this.account = account;
    this.counters = counters;
    this.cost = cost;
    this.firstAt = at;
    this.latestAt = at;
  }

  /**
   * Removes a cost, and with `isWhole` the admission that it was all of. On the way to the store this has no effect,
   * unless the entry comes back.
   */
  withdraw(cost: number, isWhole: boolean): void {
    this.cost -= cost;
    if (isWhole) this.admissions--;
  }

  /** When the last of its windows stops counting it. */
  get countsUntil(): number {
    return this.latestAt + longestMsOfAll(this.counters);
  }

  /** The accounts of its counters, besides its own. */
  get otherAccounts(): readonly string[] {
    return ownersOf(this.account, this.counters).slice(1);
  }
}

/** Admissions that the store has not counted yet, in bounded memory: by account, roughly in the order of time. */
export class Journal {
  readonly #maxEntries: number;
  readonly #byAccount = new Map<string, JournalEntry[]>();
  /** For each account, how many entries of other accounts have counters of it. */
  readonly #elsewhere = new Map<string, number>();
  #entries = 0;
  #admissions = 0;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get isEmpty(): boolean {
    return this.#entries === 0;
  }

  /** Admissions, not entries. */
  get pending(): number {
    return this.#admissions;
  }

  accounts(): string[] {
    return [...this.#byAccount.keys()];
  }

  /** Adds an admission; `undefined` when there is no room for it. */
  add(account: string, counters: readonly CounterSpec[], cost: number, at: number): JournalEntry | undefined {
    const since = at - Math.ceil(shortestMs(counters) / COALESCED_PARTS);
    const near = this.#newest(account).find(
      (one) => isSame(one.counters, counters) && one.firstAt >= since && one.cost + cost <= MAX_UNITS,
    );
    if (near === undefined) {
      const entry = new JournalEntry(account, counters, cost, at);
      return this.put(entry, at) ? entry : undefined;
    }
    near.latestAt = at;
    near.cost += cost;
    near.admissions++;
    this.#admissions++;
    return near;
  }

  /** Inserts an entry by its time; false when there is no room. */
  put(entry: JournalEntry, now: number): boolean {
    if (this.#entries >= this.#maxEntries) this.#sweep(now);
    if (this.#entries >= this.#maxEntries) return false;
    const entries = entryOf(this.#byAccount, entry.account, (): JournalEntry[] => []);
    let index = entries.length;
    while (index > 0 && entries[index - 1]!.latestAt > entry.latestAt) index--;
    entries.splice(index, 0, entry);
    this.#entries++;
    this.#admissions += entry.admissions;
    this.#enterElsewhere(entry);
    entry.isInJournal = true;
    return true;
  }

  /**
   * Removes and returns up to `atMost` of the account's oldest entries, of those that can be sent. Removes those on the
   * way that count in no window any more. Where very many cannot be sent, the entries behind them wait as well.
   */
  takeFirst(
    account: string,
    now: number,
    atMost: number,
    canSend: (entry: JournalEntry) => boolean,
  ): readonly JournalEntry[] {
    const entries = this.#byAccount.get(account);
    if (entries === undefined) return [];
    const taken: JournalEntry[] = [];
    const waiting: JournalEntry[] = [];
    let looked = 0;
    for (; looked < entries.length && taken.length < atMost && waiting.length < MOST_WAITING; looked++) {
      const entry = entries[looked]!;
      const counts = entry.admissions > 0 && entry.countsUntil > now;
      if (counts && !canSend(entry)) {
        waiting.push(entry);
      } else {
        this.#leave(entry);
        if (counts) taken.push(entry);
      }
    }
    entries.splice(0, looked, ...waiting);
    if (entries.length === 0) this.#byAccount.delete(account);
    return taken;
  }

  /** Whether the account has an entry. */
  has(account: string): boolean {
    return this.#byAccount.has(account);
  }

  /** Whether an entry, of any account, has a counter of the account. */
  concerns(account: string): boolean {
    return this.#byAccount.has(account) || this.#elsewhere.has(account);
  }

  withdraw(entry: JournalEntry, cost: number, isWhole: boolean): void {
    entry.withdraw(cost, isWhole);
    if (entry.isInJournal && isWhole) this.#admissions--;
    if (entry.isInJournal && entry.admissions === 0) this.#remove(entry);
  }

  /** Drops the admissions of one counter of the account, or of all. */
  forget(account: string, name?: string): void {
    // Entries of other accounts are looked at only where one has a counter of the account.
    for (const other of this.#elsewhere.has(account) ? this.accounts() : [account]) {
      this.#keepIf(other, (entry) => {
        const left = entry.counters.filter(
          (counter) => (counter.account ?? other) !== account || (name !== undefined && counter.name !== name),
        );
        if (left.length > 0 && left.length < entry.counters.length) this.#replaceCounters(entry, left);
        return left.length > 0;
      });
    }
  }

  #replaceCounters(entry: JournalEntry, counters: readonly CounterSpec[]): void {
    this.#leaveElsewhere(entry);
    entry.counters = counters;
    this.#enterElsewhere(entry);
  }

  #enterElsewhere(entry: JournalEntry): void {
    for (const other of entry.otherAccounts) this.#elsewhere.set(other, (this.#elsewhere.get(other) ?? 0) + 1);
  }

  #leaveElsewhere(entry: JournalEntry): void {
    for (const other of entry.otherAccounts) {
      const left = this.#elsewhere.get(other)! - 1;
      if (left > 0) this.#elsewhere.set(other, left);
      else this.#elsewhere.delete(other);
    }
  }

  /** A few of the account's newest entries: charges may alternate between several counters. */
  #newest(account: string): JournalEntry[] {
    return this.#byAccount.get(account)?.slice(-LOOKED_AT) ?? [];
  }

  #remove(entry: JournalEntry): void {
    const entries = this.#byAccount.get(entry.account)!;
    entries.splice(entries.indexOf(entry), 1);
    if (entries.length === 0) this.#byAccount.delete(entry.account);
    this.#leave(entry);
  }

  #leave(entry: JournalEntry): void {
    this.#entries--;
    this.#admissions -= entry.admissions;
    this.#leaveElsewhere(entry);
    entry.isInJournal = false;
  }

  /** In one pass, since an account may have very many entries. */
  #keepIf(account: string, isKept: (entry: JournalEntry) => boolean): void {
    const kept: JournalEntry[] = [];
    for (const entry of this.#byAccount.get(account) ?? []) {
      if (isKept(entry)) kept.push(entry);
      else this.#leave(entry);
    }
    if (kept.length > 0) this.#byAccount.set(account, kept);
    else this.#byAccount.delete(account);
  }

  /** Removes entries that no window counts any more. Rarely, since it looks at all of them. */
  #sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.#sweptAt = now;
    for (const account of this.accounts()) this.#keepIf(account, ({ countsUntil }) => countsUntil > now);
  }
}

const COALESCED_PARTS = 128;
const LOOKED_AT = 8;
/** So that a call looks at few entries, and the others wait for the same shards. */
const MOST_WAITING = 128;
const SWEEP_EVERY_MS = 1000;

/** Whether two charges have the same counters. Charges of subjects have lists of their own. */
function isSame(one: readonly CounterSpec[], other: readonly CounterSpec[]): boolean {
  if (one === other) return true;
  return (
    one.length === other.length &&
    one.every(({ name, quotas, account, cost }, index) => {
      const counter = other[index]!;
      // Costs of their own do not add up like the charge's.
      const hasSameCost = cost === undefined && counter.cost === undefined;
      return hasSameCost && counter.name === name && counter.account === account && counter.quotas === quotas;
    })
  );
}

function shortestMs(counters: readonly CounterSpec[]): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (const { quotas } of counters) for (const { windowMs } of quotas) shortest = Math.min(shortest, windowMs);
  return shortest;
}
