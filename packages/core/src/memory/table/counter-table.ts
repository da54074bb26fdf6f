import { getRandomValues } from 'node:crypto';
import { BIRTH, EXPIRES_AT, LIMIT, MAX_OWN_WINDOWS, NEXT_FREE_SLOT, SPAN, WINDOW_COUNT } from '../record-layout.js';
import { counterPlace, ownWindow } from '../records.js';
import { SlidingWindows } from '../windows/sliding-window.js';
import { AccountKey } from './account-key.js';
import { ExpiryWheel } from './expiry-wheel.js';
import { KeyIndex } from './key-index.js';

/**
 * Which counters exist, and where. Each has a slot, a number that is found by account and counter name;
 * `record-layout.ts` draws what a slot's record has. A counter needs no object of its own. The table never has more
 * than `maxCounters`. It evicts expired counters first, and counts separately how many it evicts that still mattered.
 */
export class CounterTable {
  readonly windows: SlidingWindows = new SlidingWindows();
  /** By slot of violations: the throttling that they have caused. Few counters ever have any. */
  readonly throttlings: Map<number, Throttling> = new Map();
  readonly #maxCounters: number;
  readonly #wheel = new ExpiryWheel();
  readonly #records = this.windows.records.counters;
  readonly #index = new KeyIndex(this.#records);
  readonly #seed = randomSeed();
  readonly #key = new AccountKey(this.#seed);
  #nextSlot = 0;
  /** The first of a list of free slots, plus one; 0 for an empty list. */
  #firstFree = 0;
  #sampled = randomSeed();

  /**
   * The latest birth. A counter whose birth is greater than an admission's token did not exist when that was admitted.
   */
  births = 0;
  evictedExpired = 0;
  evictedUnexpired = 0;

  constructor(maxCounters: number) {
    this.#maxCounters = maxCounters;
  }

  get size(): number {
    return this.#index.size;
  }

  /** The slots of all counters of the account and its subjects, some of them expired. */
  slotsOf(account: AccountKey): number[] {
    return this.#index.slotsOf(account);
  }

  /** The name of the counter in a slot; of a subject's counter, the name of its kind. */
  nameOf(slot: number): string {
    return this.#index.nameOf(slot);
  }

  /** The key of the account's counters. The next call overwrites it. */
  keyOf(account: string): AccountKey {
    this.#key.read(account);
    return this.#key;
  }

  /** A further key, for the caller to read accounts and subjects into. */
  makeKey(): AccountKey {
    return new AccountKey(this.#seed);
  }

  /** The counter's slot, or −1 if it does not exist or has expired. */
  find(name: string, account: AccountKey, now: number): number {
    const slot = this.#index.find(name, account);
    if (slot < 0 || this.expiresAt(slot) > now) return slot;
    this.#wheel.remove(slot);
    this.#evictOrRefile(slot, now);
    return -1;
  }

  /** Creates a counter without windows, and returns its slot. What is pinned is not evicted. */
  create(name: string, account: AccountKey, now: number, expiresAt: number, pinned: Pinned): number {
    const slot = this.#takeSlot(now, pinned);
    this.#index.add(slot, name, account);
    this.#setWord(slot, WINDOW_COUNT, 0);
    this.setBirth(slot);
    this.#setExpiresAt(slot, expiresAt);
    this.#wheel.add(slot, expiresAt);
    return slot;
  }

  remove(slot: number): void {
    this.#wheel.remove(slot);
    this.#release(slot);
  }

  /** Evicts a few expired counters. Runs with every charge, so that no crowd of them causes a pause. */
  reclaim(now: number): void {
    for (let taken = 0; taken < RECLAIMED_PER_CALL; taken++) {
      const slot = this.#wheel.take(now);
      if (slot < 0) return;
      this.#evictOrRefile(slot, now);
    }
  }

  firstWindow(slot: number): number {
    const words = this.#records.words(slot);
    const place = counterPlace(slot);
    return words[place + WINDOW_COUNT]! <= MAX_OWN_WINDOWS ? ownWindow(slot) : words[place + SPAN]!;
  }

  windowCount(slot: number): number {
    return this.#records.words(slot)[counterPlace(slot) + WINDOW_COUNT]!;
  }

  /** Gives a counter without windows `count` adjacent ones, and returns the first. Each must be opened. */
  addWindows(slot: number, count: number): number {
    this.#setWord(slot, WINDOW_COUNT, count);
    if (count <= MAX_OWN_WINDOWS) return ownWindow(slot);
    const first = this.windows.records.allocate(count);
    this.#setWord(slot, SPAN, first);
    return first;
  }

  removeWindows(slot: number): void {
    this.windows.free(this.firstWindow(slot), this.windowCount(slot));
    this.#setWord(slot, WINDOW_COUNT, 0);
  }

  expiresAt(slot: number): number {
    return this.#records.numbers(slot)[(counterPlace(slot) + EXPIRES_AT) >>> 1]!;
  }

  /** The counter does not expire before `until`. */
  extend(slot: number, until: number): void {
    if (until > this.expiresAt(slot)) this.#setExpiresAt(slot, until);
  }

  birth(slot: number): number {
    return this.#records.numbers(slot)[(counterPlace(slot) + BIRTH) >>> 1]!;
  }

  /** From now on, no earlier admission of the counter can be refunded. */
  setBirth(slot: number): void {
    this.births++;
    this.#records.numbers(slot)[(counterPlace(slot) + BIRTH) >>> 1] = this.births;
  }

  #setExpiresAt(slot: number, expiresAt: number): void {
    this.#records.numbers(slot)[(counterPlace(slot) + EXPIRES_AT) >>> 1] = expiresAt;
  }

  #setWord(slot: number, word: number, value: number): void {
    this.#records.words(slot)[counterPlace(slot) + word] = value;
  }

  #takeSlot(now: number, pinned: Pinned): number {
    if (this.#firstFree === 0 && this.#nextSlot >= this.#maxCounters) this.#makeRoom(now, pinned);
    if (this.#firstFree !== 0) {
      const slot = this.#firstFree - 1;
      this.#firstFree = this.#records.words(slot)[counterPlace(slot) + NEXT_FREE_SLOT]!;
      return slot;
    }
    const slot = this.#nextSlot++;
    this.#records.reach(slot);
    return slot;
  }

  /**
   * Evicts an expired counter. If it finds none, it evicts the least used of a small sample, and among equals the
   * youngest: new names cannot push out older counters that are as full.
   */
  #makeRoom(now: number, pinned: Pinned): void {
    for (let looked = 0; looked < MAX_LOOKS; looked++) {
      const slot = this.#wheel.take(now);
      if (slot < 0) break;
      if (this.#evictOrRefile(slot, now)) return;
    }
    let least = -1;
    let leastUse = Number.POSITIVE_INFINITY;
    for (let sampled = 0; sampled < SAMPLE || least < 0; sampled++) {
      const slot = this.#sample();
      if (pinned.has(slot)) continue;
      const use = this.#use(slot, now);
      if (use < leastUse || (use === leastUse && this.birth(slot) > this.birth(least))) {
        least = slot;
        leastUse = use;
      }
    }
    this.evictedUnexpired++;
    this.remove(least);
  }

  /**
   * A random slot from the whole table: neighbours were created at the same time, and may all belong to one offender.
   * The constants are those of Numerical Recipes' quick generator; its upper bits decide.
   */
  #sample(): number {
    this.#sampled = (Math.imul(this.#sampled, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#sampled / 2 ** 32) * this.#maxCounters);
  }

  /** The used share of the counter's fullest window. A throttled counter counts as fuller than any other. */
  #use(slot: number, now: number): number {
    if ((this.throttlings.get(slot)?.endsAt ?? 0) > now) return Number.MAX_VALUE;
    let use = 0;
    const first = this.firstWindow(slot);
    for (let window = first; window < first + this.windowCount(slot); window++) {
      use = Math.max(use, this.windows.used(window, now) / Math.max(1, this.windows.word(window, LIMIT)));
    }
    return use;
  }

  /**
   * For a slot taken from the wheel: evicts the counter if it has expired, else files it again, since it was charged
   * meanwhile. Returns whether it was evicted.
   */
  #evictOrRefile(slot: number, now: number): boolean {
    if (this.expiresAt(slot) > now) {
      this.#wheel.add(slot, this.expiresAt(slot));
      return false;
    }
    this.evictedExpired++;
    this.#release(slot);
    return true;
  }

  #release(slot: number): void {
    this.#index.delete(slot);
    this.removeWindows(slot);
    this.#setWord(slot, NEXT_FREE_SLOT, this.#firstFree);
    this.throttlings.delete(slot);
    this.#firstFree = slot + 1;
  }
}

/** The slots that a charge needs, always fewer than the table may have. */
export interface Pinned {
  has(slot: number): boolean;
}

/** The latest throttling of a counter. */
export interface Throttling {
  /** In the past if the throttling has ended. */
  readonly endsAt: number;
  readonly durationMs: number;
}

function randomSeed(): number {
  return getRandomValues(new Int32Array(1))[0]!;
}

const RECLAIMED_PER_CALL = 4;
/** Bounds the search at the cap: a crowd of counters may have been filed long ago and charged since. */
const MAX_LOOKS = 256;
const SAMPLE = 8;
