import { ExpiryWheel } from './expiry-wheel.js';
import { KeyGroups } from './key-groups.js';
import { ownCopy } from './names.js';
import { SlidingWindows } from './sliding-window.js';

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
  readonly #groups = new KeyGroups();
  readonly #accounts: string[][] = [];
  readonly #fields: Uint32Array[] = [];
  readonly #expiresAt: Float64Array[] = [];
  readonly #birth: Float64Array[] = [];
  #nextSlot = 0;
  /** Free slots form a list through their `FIRST`, plus one; 0 ends it. */
  #firstFree = 0;
  #sampled = 0;

  #births = 0;
  #evictedExpired = 0;
  #evictedUnexpired = 0;
  #size = 0;

  constructor(maxCounters: number) {
    this.#maxCounters = maxCounters;
  }

  get size(): number {
    return this.#size;
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
    return this.#groups.names;
  }

  /** The counter's slot, or −1 if there is none. An expired counter is none. */
  find(name: string, account: string, now: number): number {
    const slot = this.#groups.find(name, account);
    if (slot < 0 || this.expiresAt(slot) > now) return slot;
    this.#wheel.remove(slot);
    this.#settle(slot, now);
    return -1;
  }

  /** A slot for a counter that is not there yet, with no windows. The slots `pinned` must stay; −1 is none. */
  create(name: string, account: string, now: number, expiresAt: number, pinned: readonly number[]): number {
    const slot = this.#takeSlot(now, pinned);
    const key = ownCopy(account);
    this.#accounts[slot >>> PAGE_BITS]![slot & PAGE_MASK] = key;
    this.#set(slot, GROUP, this.#groups.add(name, key, slot));
    this.#set(slot, COUNT, 0);
    this.setBirth(slot);
    this.#setExpiresAt(slot, expiresAt);
    this.#wheel.add(slot, expiresAt);
    this.#size++;
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
    return this.#get(slot, FIRST);
  }

  windowCount(slot: number): number {
    return this.#get(slot, COUNT);
  }

  /** Replaces the counter's run of windows; the old one is given back. */
  setWindows(slot: number, first: number, count: number): void {
    if (this.windowCount(slot) > 0) this.windows.free(this.firstWindow(slot), this.windowCount(slot));
    this.#set(slot, FIRST, first);
    this.#set(slot, COUNT, count);
  }

  expiresAt(slot: number): number {
    return this.#expiresAt[slot >>> PAGE_BITS]![slot & PAGE_MASK]!;
  }

  /** The counter matters at least until then. */
  extend(slot: number, until: number): void {
    if (until > this.expiresAt(slot)) this.#setExpiresAt(slot, until);
  }

  #setExpiresAt(slot: number, at: number): void {
    this.#expiresAt[slot >>> PAGE_BITS]![slot & PAGE_MASK] = at;
  }

  birth(slot: number): number {
    return this.#birth[slot >>> PAGE_BITS]![slot & PAGE_MASK]!;
  }

  /** From here on, the counter does not answer for what it admitted before. */
  setBirth(slot: number): void {
    this.#births++;
    this.#birth[slot >>> PAGE_BITS]![slot & PAGE_MASK] = this.#births;
  }

  #takeSlot(now: number, pinned: readonly number[]): number {
    if (this.#firstFree === 0 && this.#nextSlot >= this.#maxCounters) this.#makeRoom(now, pinned);
    if (this.#firstFree !== 0) {
      const slot = this.#firstFree - 1;
      this.#firstFree = this.#get(slot, FIRST);
      return slot;
    }
    const slot = this.#nextSlot++;
    if (slot >>> PAGE_BITS === this.#fields.length) {
      this.#accounts.push(new Array<string>(PAGE_SIZE).fill(''));
      this.#fields.push(new Uint32Array(PAGE_SIZE * FIELDS));
      this.#expiresAt.push(new Float64Array(PAGE_SIZE));
      this.#birth.push(new Float64Array(PAGE_SIZE));
    }
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
    const page = this.#accounts[slot >>> PAGE_BITS]!;
    this.#groups.delete(this.#get(slot, GROUP), page[slot & PAGE_MASK]!);
    page[slot & PAGE_MASK] = '';
    this.setWindows(slot, this.#firstFree, 0);
    this.throttlings.delete(slot);
    this.#firstFree = slot + 1;
    this.#size--;
  }

  #get(slot: number, field: number): number {
    return this.#fields[slot >>> PAGE_BITS]![(slot & PAGE_MASK) * FIELDS + field]!;
  }

  #set(slot: number, field: number, value: number): void {
    this.#fields[slot >>> PAGE_BITS]![(slot & PAGE_MASK) * FIELDS + field] = value;
  }
}

/** The latest throttling of a counter: when it ends or ended, and how long it lasts in all. */
export interface Throttling {
  readonly endsAt: number;
  readonly durationMs: number;
}

const FIRST = 0;
const COUNT = 1;
const GROUP = 2;
const FIELDS = 3;

const PAGE_BITS = 12;
const PAGE_SIZE = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SIZE - 1;

const RECLAIMED_PER_CALL = 4;
/** Bounds the search at the cap, for the moment when a crowd of counters was filed long ago and all were charged since. */
const LOOKED_AT_FOR_EXPIRED = 256;
const SAMPLE = 8;
