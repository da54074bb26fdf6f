import { boundedName } from '../bounded-name.js';
import { AccountKey } from './account-key.js';
import { ExpiryWheel } from './expiry-wheel.js';
import { KeyIndex } from './key-index.js';
import { SlidingWindows } from './sliding-window.js';
import { counterPlaceOf, HEADER_WORDS, OWN_WINDOWS, ownWindow } from './window-records.js';

/**
 * Which counters there are, and where: a slot for each, found by account and counter name. Slots are numbers into flat
 * pages; a counter costs no object of its own. The table never holds more than `maxCounters`, gives up expired counters
 * first, and counts it apart when it has to give up one that still mattered.
 */
export class CounterTable {
  readonly windows: SlidingWindows = new SlidingWindows();
  /** Of slots that keep violations: what throttling they have led to. Few counters ever have any. */
  readonly throttlings: Map<number, Throttling> = new Map();
  readonly #maxCounters: number;
  readonly #wheel = new ExpiryWheel();
  readonly #records = this.windows.records.counters;
  readonly #index = new KeyIndex(this.#records);
  readonly #key = new AccountKey((Math.random() * 2 ** 32) | 0);
  #nextSlot = 0;
  /** Free slots form a list through their `FIRST`, plus one; 0 ends it. */
  #firstFree = 0;
  #sampled = 0;

  #births = 0;
  #evictedExpired = 0;
  #evictedUnexpired = 0;

  constructor(maxCounters: number) {
    this.#maxCounters = maxCounters;
  }

  get size(): number {
    return this.#index.size;
  }

  get evictedExpired(): number {
    return this.#evictedExpired;
  }

  get evictedUnexpired(): number {
    return this.#evictedUnexpired;
  }

  /** How many counters were ever begun: a counter that is younger than an admission was not there to take it. */
  get births(): number {
    return this.#births;
  }

  get names(): string[] {
    return this.#index.names;
  }

  /** The account as its counters are found by it: until the next one is read. */
  keyOf(account: string): AccountKey {
    this.#key.read(boundedName(account));
    return this.#key;
  }

  /** The counter's slot, or −1 if there is none. An expired counter is none. */
  find(name: string, account: AccountKey, now: number): number {
    const slot = this.#index.find(name, account);
    if (slot < 0 || this.expiresAt(slot) > now) return slot;
    this.#wheel.remove(slot);
    this.#settle(slot, now);
    return -1;
  }

  /** A slot for a counter that is not there yet, with no windows. The slots `pinned` must stay; −1 is none. */
  create(name: string, account: AccountKey, now: number, expiresAt: number, pinned: readonly number[]): number {
    const slot = this.#takeSlot(now, pinned);
    this.#index.add(slot, name, account);
    this.#setWord(slot, WINDOW_COUNT, 0);
    this.setBirth(slot);
    this.#setExpiresAt(slot, expiresAt);
    this.#wheel.add(slot, expiresAt);
    return slot;
  }

  /** Forgets a counter. */
  remove(slot: number): void {
    this.#wheel.remove(slot);
    this.#release(slot);
  }

  /** Gives up a few expired counters, if there are any: called with every charge, so that none is left for a pause. */
  reclaim(now: number): void {
    for (let taken = 0; taken < RECLAIMED_PER_CALL; taken++) {
      const slot = this.#wheel.take(now);
      if (slot < 0) return;
      this.#settle(slot, now);
    }
  }

  firstWindow(slot: number): number {
    const words = this.#records.words(slot);
    const place = counterPlaceOf(slot);
    return words[place + WINDOW_COUNT]! <= OWN_WINDOWS ? ownWindow(slot) : words[place + FIRST]!;
  }

  windowCount(slot: number): number {
    return this.#records.words(slot)[counterPlaceOf(slot) + WINDOW_COUNT]!;
  }

  /** Gives a counter that has no windows a run of them, to be opened; the first of them. */
  addWindows(slot: number, count: number): number {
    this.#setWord(slot, WINDOW_COUNT, count);
    if (count <= OWN_WINDOWS) return ownWindow(slot);
    const first = this.windows.allocate(count);
    this.#setWord(slot, FIRST, first);
    return first;
  }

  /** Gives back the counter's windows. */
  removeWindows(slot: number): void {
    this.windows.free(this.firstWindow(slot), this.windowCount(slot));
    this.#setWord(slot, WINDOW_COUNT, 0);
  }

  expiresAt(slot: number): number {
    return this.#records.numbers(slot)[(counterPlaceOf(slot) >>> 1) + EXPIRES_AT]!;
  }

  /** The counter matters at least until then. */
  extend(slot: number, until: number): void {
    if (until > this.expiresAt(slot)) this.#setExpiresAt(slot, until);
  }

  birth(slot: number): number {
    return this.#records.numbers(slot)[(counterPlaceOf(slot) >>> 1) + BIRTH]!;
  }

  /** From here on, the counter does not answer for what it admitted before. */
  setBirth(slot: number): void {
    this.#births++;
    this.#records.numbers(slot)[(counterPlaceOf(slot) >>> 1) + BIRTH] = this.#births;
  }

  #setExpiresAt(slot: number, at: number): void {
    this.#records.numbers(slot)[(counterPlaceOf(slot) >>> 1) + EXPIRES_AT] = at;
  }

  #setWord(slot: number, word: number, value: number): void {
    this.#records.words(slot)[counterPlaceOf(slot) + word] = value;
  }

  #takeSlot(now: number, pinned: readonly number[]): number {
    if (this.#firstFree === 0 && this.#nextSlot >= this.#maxCounters) this.#makeRoom(now, pinned);
    if (this.#firstFree !== 0) {
      const slot = this.#firstFree - 1;
      this.#firstFree = this.#records.words(slot)[counterPlaceOf(slot) + FIRST]!;
      return slot;
    }
    const slot = this.#nextSlot++;
    this.#records.reach(slot);
    return slot;
  }

  /** An expired counter goes; where none is found, the least used of a small sample of those that still matter. */
  #makeRoom(now: number, pinned: readonly number[]): void {
    for (let looked = 0; looked < LOOKED_AT_FOR_EXPIRED; looked++) {
      const slot = this.#wheel.take(now);
      if (slot < 0) break;
      if (this.#settle(slot, now)) return;
    }
    let least = -1;
    let leastUse = Number.POSITIVE_INFINITY;
    for (let sampled = 0; sampled < SAMPLE || least < 0; sampled++) {
      const slot = this.#sample();
      if (pinned.includes(slot)) continue;
      const use = this.#use(slot, now);
      if (use < leastUse) {
        least = slot;
        leastUse = use;
      }
    }
    this.#evictedUnexpired++;
    this.remove(least);
  }

  /**
   * Any slot, from all over the table: neighbours were begun at the same time, and may all be an offender's. The constants
   * are those of Numerical Recipes' quick generator; its upper bits decide.
   */
  #sample(): number {
    this.#sampled = (Math.imul(this.#sampled, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#sampled / 2 ** 32) * this.#maxCounters);
  }

  /** The share of its limit that the counter's fullest window has used; a counter that is throttled is never the least. */
  #use(slot: number, now: number): number {
    if ((this.throttlings.get(slot)?.endsAt ?? 0) > now) return Number.MAX_VALUE;
    let use = 0;
    const first = this.firstWindow(slot);
    for (let window = first; window < first + this.windowCount(slot); window++) {
      use = Math.max(use, this.windows.used(window, now) / Math.max(1, this.windows.limit(window)));
    }
    return use;
  }

  /** Of a slot taken out of the wheel: ends it if it has expired, or files it anew if it was charged since. */
  #settle(slot: number, now: number): boolean {
    if (this.expiresAt(slot) > now) {
      this.#wheel.add(slot, this.expiresAt(slot));
      return false;
    }
    this.#evictedExpired++;
    this.#release(slot);
    return true;
  }

  #release(slot: number): void {
    this.#index.delete(slot);
    this.removeWindows(slot);
    this.#setWord(slot, FIRST, this.#firstFree);
    this.throttlings.delete(slot);
    this.#firstFree = slot + 1;
  }
}

/** The latest throttling of a counter: when it ends or ended, and how long it lasts in all. */
export interface Throttling {
  readonly endsAt: number;
  readonly durationMs: number;
}

// Of a counter's record, the words and numbers that are the table's; the first three words are the index's.
export const WINDOW_COUNT = 3;
export const EXPIRES_AT = 2;
const BIRTH = 3;
/** The first window of a counter whose windows do not lie in its record, or the next free slot: where windows would begin. */
const FIRST = HEADER_WORDS;

const RECLAIMED_PER_CALL = 4;
/** Bounds the search at the cap, for the moment when a crowd of counters was filed long ago and all were charged since. */
const LOOKED_AT_FOR_EXPIRED = 256;
const SAMPLE = 8;
