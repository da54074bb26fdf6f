import { type CounterSpec, longestMsOf, type Outcome, type Quota, type Throttle } from '../store/index.js';
import {
  AGE,
  LIMIT,
  MAX_OWN_WINDOWS,
  NEWEST_AT,
  OWN_WINDOWS,
  SPAN,
  WINDOW_COUNT,
  WINDOW_MS,
  WINDOW_WORDS,
} from './record-layout.js';
import { counterPlace, ownWindow, windowPlace } from './records.js';
import type { ScratchOutcome } from './scratch-outcome.js';
import { StoredKey } from './stored-key.js';
import {
  type AccountKey,
  arrangeWindows,
  type CounterTable,
  findWindow,
  lendWindow,
  longestWindowMs,
  windowsFit,
} from './table/index.js';

/**
 * The current charge on one of its counters: whether it fits, and its recording. Results go into the scratch outcome.
 * Each counter of a charge has one of these, and all charges share them.
 */
export class Charging {
  /** Where the table keeps the counter. */
  readonly stored: StoredKey;
  /** The cost on this counter. */
  cost = 0;
  /** The counter's slot, or −1. */
  slot = -1;
  /** The slot of the counter's violations, or −1. */
  violationsSlot = -1;
  /** Whether the charge fits. */
  fits = true;
  readonly #table: CounterTable;
  readonly #windows: CounterTable['windows'];
  readonly #records: CounterTable['windows']['records'];
  readonly #outcome: ScratchOutcome;
  /** The place of the counter's first quota in the outcome. */
  #offset = 0;
  /** Whether the counter's windows are exactly those of the quotas, and `#words`, `#numbers` and `#place` are set. */
  #isArranged = false;
  /** Whether a quota has a longer window than the counter. Only a charge that is admitted makes the counter keep it. */
  #lengthens = false;
  // The page of the counter's windows, and the index of their first word.
  #words: Uint32Array = new Uint32Array();
  #numbers: Float64Array = new Float64Array();
  #place = 0;
  /** Shrinks the limits until `#throttleEndsAt`; `undefined` while the counter is not throttled. */
  #activeThrottle: Throttle | undefined;
  #throttleEndsAt = 0;

  constructor(table: CounterTable, outcome: ScratchOutcome, account: AccountKey) {
    this.stored = new StoredKey(table, account);
    this.#table = table;
    this.#windows = table.windows;
    this.#records = table.windows.records;
    this.#outcome = outcome;
  }

  /** Finds out whether the cost fits. `throttledMs` above 0 shrinks the limits. Writes nothing in the table. */
  decide({ quotas, throttle }: CounterSpec, now: number, offset: number, throttledMs: number): void {
    const { cost } = this;
    this.fits = true;
    this.#offset = offset;
    this.#activeThrottle = throttledMs > 0 ? throttle : undefined;
    this.#isArranged = this.slot >= 0 && throttledMs === 0 && this.#decideArranged(quotas, cost, now);
    if (this.#isArranged) return;
    this.#throttleEndsAt = now + throttledMs;
    this.#decideUnarranged(quotas, cost, now);
  }

  /** Records a charge that fits, in all windows of the counter. The counter exists. */
  admit(counter: CounterSpec, now: number, throttledMs: number): void {
    const { cost } = this;
    const { quotas } = counter;
    let longestMs = this.#isArranged ? 0 : this.#arrange(quotas, cost, now);
    const { used, resetAfterMs } = this.#outcome;
    const words = this.#words;
    const numbers = this.#numbers;
    let place = this.#place;
    let offset = this.#offset;
    for (let index = 0; index < quotas.length; index++) {
      const quota = quotas[index]!;
      const { windowMs } = quota;
      if (windowMs > longestMs) longestMs = windowMs;
      words[place + LIMIT] = quota.limit;
      const slices = this.#windows.admitAtPlace(words, numbers, place, now, cost, quota.sliceMs, quota.maxSlices);
      used[offset] = used[offset]! + cost;
      // With more than one slice, the oldest one was there before.
      if (slices === 1)
        resetAfterMs[offset] = throttledMs > 0 ? roomGrowsAfterMs(counter, quota, throttledMs) : windowMs;
      place += WINDOW_WORDS;
      offset++;
    }
    this.#table.extend(this.slot, now + longestMs);
  }

  /**
   * Records an admission of the instant `admittedAt`, in all windows of the counter where it counts. The counter
   * exists.
   */
  record(counter: CounterSpec, now: number, admittedAt: number): void {
    const { cost } = this;
    const { quotas } = counter;
    const table = this.#table;
    this.#offset = 0;
    this.#activeThrottle = undefined;
    // Nearly all records are admissions of now, in the local copy of a store's counter. Deciding drops what has left.
    this.#isArranged = admittedAt === now && this.#decideArranged(quotas, 0, now);
    if (this.#isArranged) {
      this.admit(counter, now, 0);
      return;
    }
    if (!windowsFit(table, this.slot, quotas, now)) {
      const before = longestWindowMs(table, this.slot);
      arrangeWindows(table, this.slot, quotas, now);
      // A longer window has admissions later than `admittedAt`. The counter must not expire before they have left it.
      const growth = longestWindowMs(table, this.slot) - before;
      if (growth > 0) table.extend(this.slot, table.expiresAt(this.slot) + growth);
    }
    const first = table.firstWindow(this.slot);
    for (let index = 0; index < quotas.length; index++) {
      const { limit, sliceMs, maxSlices } = quotas[index]!;
      this.#windows.setWord(first + index, LIMIT, limit);
      this.#windows.insert(first + index, now, admittedAt, cost, sliceMs, maxSlices);
    }
    const spareMs = this.#recordSpare(quotas.length, cost, now, admittedAt);
    table.extend(this.slot, admittedAt + Math.max(longestMsOf(quotas), spareMs));
  }

  /** Takes back the cost of an admission, in all windows of the counter where it counts. */
  takeBack({ now: admittedAt, token }: Admission, now: number): void {
    const table = this.#table;
    if (this.slot < 0 || table.birth(this.slot) > (token as number)) return;
    const first = table.firstWindow(this.slot);
    for (let window = first; window < first + table.windowCount(this.slot); window++) {
      this.#windows.takeBack(window, now, admittedAt, this.cost);
    }
  }

  /** Decides if the counter's windows are exactly those of the quotas. Else returns false. */
  #decideArranged(quotas: readonly Quota[], cost: number, now: number): boolean {
    const { slot } = this;
    let words = this.#records.counters.words(slot);
    let numbers = this.#records.counters.numbers(slot);
    let place = counterPlace(slot);
    if (words[place + WINDOW_COUNT] !== quotas.length) return false;
    let first = ownWindow(slot);
    if (quotas.length <= MAX_OWN_WINDOWS) {
      place += OWN_WINDOWS;
    } else {
      first = words[place + SPAN]!;
      words = this.#records.words(first);
      numbers = this.#records.numbers(first);
      place = windowPlace(first);
    }
    const { used: allUsed, resetAfterMs } = this.#outcome;
    let offset = this.#offset;
    this.#words = words;
    this.#numbers = numbers;
    this.#place = place;
    for (let index = 0; index < quotas.length; index++) {
      const { limit, windowMs } = quotas[index]!;
      if (words[place + WINDOW_MS] !== windowMs) return false;
      const used = this.#windows.usedAtPlace(words, numbers, place, now);
      if (used > limit) {
        this.#decideQuota(index, first + index, used, limit, cost);
      } else {
        allUsed[offset] = used;
        if (used === 0) resetAfterMs[offset] = 0;
        else resetAfterMs[offset] = numbers[(place + NEWEST_AT) >>> 1]! - words[place + AGE]! + windowMs - now;
        if (used + cost > limit) this.#refuse(this.#windows.fitsAt(first + index, used, limit, cost, now) - now);
      }
      place += WINDOW_WORDS;
      offset++;
    }
    return true;
  }

  /** Decides for a counter that does not exist, has other windows than the quotas, or shrinks limits. */
  #decideUnarranged(quotas: readonly Quota[], cost: number, now: number): void {
    const { slot } = this;
    this.#lengthens = slot >= 0 && longestMsOf(quotas) > longestWindowMs(this.#table, slot);
    for (let index = 0; index < quotas.length; index++) {
      const { limit, windowMs } = quotas[index]!;
      const own = slot < 0 ? -1 : findWindow(this.#table, slot, index, windowMs);
      const lent = own < 0 && slot >= 0 ? lendWindow(this.#table, slot, windowMs, now) : -1;
      const window = Math.max(own, lent);
      this.#decideQuota(index, window, window < 0 ? 0 : this.#windows.used(window, now), limit, cost);
      if (lent >= 0) this.#windows.free(lent, 1);
    }
  }

  /** Decides for one quota, of which `used` counts now. `window` is −1 for a counter that does not exist. */
  #decideQuota(index: number, window: number, used: number, limit: number, cost: number): void {
    const outcome = this.#outcome;
    const { now } = outcome;
    const shrunk = this.#activeThrottle === undefined ? limit : this.#activeThrottle.limitOf(limit);
    const units = used < shrunk ? shrunk - used + 1 : 1;
    const canGrow = used > 0 || this.#activeThrottle !== undefined;
    const growsAt = canGrow ? this.#fitsAt(window, used, limit, units) : now;
    outcome.used[this.#offset + index] = used;
    outcome.resetAfterMs[this.#offset + index] = growsAt === Number.POSITIVE_INFINITY ? 0 : growsAt - now;
    if (cost > 0 && used + cost > shrunk) this.#refuse(this.#fitsAt(window, used, limit, cost) - now);
  }

  #refuse(retryAfterMs: number): void {
    const outcome = this.#outcome;
    this.fits = false;
    outcome.allowed = false;
    if (retryAfterMs > outcome.retryAfterMs) outcome.retryAfterMs = retryAfterMs;
  }

  /**
   * The earliest instant at which `units` more fit: under the shrunk limit, or under the full one when throttling ends.
   */
  #fitsAt(window: number, used: number, limit: number, units: number): number {
    const { now } = this.#outcome;
    const fitsAt = this.#windows.fitsAt(window, used, limit, units, now);
    if (this.#activeThrottle === undefined) return fitsAt;
    const meanwhile = this.#windows.fitsAt(window, used, this.#activeThrottle.limitOf(limit), units, now);
    return Math.min(meanwhile, Math.max(this.#throttleEndsAt, fitsAt));
  }

  /**
   * Gives the counter the windows of the quotas, and records the charge in its other windows; see {@link #recordSpare}.
   */
  #arrange(quotas: readonly Quota[], cost: number, now: number): number {
    if (!windowsFit(this.#table, this.slot, quotas, now)) arrangeWindows(this.#table, this.slot, quotas, now);
    const first = this.#table.firstWindow(this.slot);
    this.#words = this.#records.words(first);
    this.#numbers = this.#records.numbers(first);
    this.#place = windowPlace(first);
    if (this.#lengthens) {
      for (let index = 0; index < quotas.length; index++) {
        this.#decideQuota(index, first + index, this.#windows.used(first + index, now), quotas[index]!.limit, 0);
      }
    }
    return this.#recordSpare(quotas.length, cost, now, now);
  }

  /** Records an admission in the windows that none of the quotas has, and returns the longest length of them. */
  #recordSpare(quotaCount: number, cost: number, now: number, admittedAt: number): number {
    const first = this.#table.firstWindow(this.slot);
    let longestMs = 0;
    for (let index = quotaCount; index < this.#table.windowCount(this.slot); index++) {
      const windowMs = this.#windows.word(first + index, WINDOW_MS);
      longestMs = Math.max(longestMs, windowMs);
      this.#windows.insert(first + index, now, admittedAt, cost, Math.ceil(windowMs / SPARE_SLICES), SPARE_SLICES + 1);
    }
    return longestMs;
  }
}

/** What a refund needs of an admission. */
export type Admission = Pick<Outcome, 'now' | 'token'>;

/** When room grows next, for a window with one slice: when that leaves, or when the limit is no longer shrunk. */
function roomGrowsAfterMs({ throttle }: CounterSpec, { limit, windowMs }: Quota, throttledMs: number): number {
  const isShrunk = throttle !== undefined && throttle.limitOf(limit) < limit;
  return isShrunk ? Math.min(windowMs, throttledMs) : windowMs;
}

/** Slices of a window that no quota of the current charge has. */
const SPARE_SLICES = 128;
