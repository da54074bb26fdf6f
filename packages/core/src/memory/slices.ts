import { NUMBERS_PER_SLICE, SliceBlocks, type SlicePool } from './slice-blocks.js';
import { placeOf, WindowRecords } from './window-records.js';

/**
 * The slices of many windows. A window's newest slice lies in its record, those before it in a ring of its own that grows
 * and shrinks with what is in it. Slices are numbered from the oldest; what they mean is not known here.
 */
export class WindowSlices {
  readonly records: WindowRecords = new WindowRecords();
  readonly blocks: SliceBlocks = new SliceBlocks();

  /** How many slices the window has. */
  count(window: number): number {
    return this.records.words(window)[placeOf(window) + COUNT]!;
  }

  /** When the slice was last added to. */
  instant(window: number, index: number): number {
    const place = placeOf(window);
    const words = this.records.words(window);
    if (index === words[place + COUNT]! - 1) return this.records.numbers(window)[place >>> 1]!;
    const pool = this.blocks.pool(words[place + BLOCK]!);
    return pool.page(words[place + BLOCK]!)[ringPlace(pool, words, place, index)]!;
  }

  cost(window: number, index: number): number {
    const place = placeOf(window);
    const words = this.records.words(window);
    if (index === words[place + COUNT]! - 1) return words[place + NEWEST_COST]!;
    const pool = this.blocks.pool(words[place + BLOCK]!);
    return pool.page(words[place + BLOCK]!)[ringPlace(pool, words, place, index) + COST]!;
  }

  set(window: number, index: number, at: number, cost: number): void {
    const place = placeOf(window);
    const words = this.records.words(window);
    if (index === words[place + COUNT]! - 1) {
      this.records.numbers(window)[place >>> 1] = at;
      words[place + NEWEST_COST] = cost;
    } else {
      this.#setInRing(words, place, index, at, cost);
    }
    this.setAge(window);
  }

  /** More cost for a slice, and an instant of its latest admission. */
  add(window: number, index: number, at: number, cost: number): void {
    this.set(window, index, at, this.cost(window, index) + cost);
  }

  /** Makes a slice the newest of the window at that place, behind those that there are, of which there is at least one. */
  push(words: Uint32Array, numbers: Float64Array, place: number, at: number, cost: number, maxSlices: number): void {
    const count = words[place + COUNT]!;
    const newestAt = numbers[place >>> 1]!;
    this.#fit(words, place, count - 1, maxSlices - 1);
    this.#setInRing(words, place, count - 1, newestAt, words[place + NEWEST_COST]!);
    numbers[place >>> 1] = at;
    words[place + NEWEST_COST] = cost;
    words[place + COUNT] = count + 1;
    words[place + AGE] = words[place + AGE]! + at - newestAt;
  }

  /** Puts a slice before the one at `index`. */
  insert(window: number, index: number, at: number, cost: number, maxSlices: number): void {
    const place = placeOf(window);
    const words = this.records.words(window);
    const count = words[place + COUNT]!;
    this.#fit(words, place, count - 1, maxSlices - 1);
    for (let moved = count - 1; moved > index; moved--) {
      this.#setInRing(words, place, moved, this.instant(window, moved - 1), this.cost(window, moved - 1));
    }
    this.#setInRing(words, place, index, at, cost);
    words[place + COUNT] = count + 1;
    this.setAge(window);
  }

  /** Takes the slice at `index` out. */
  remove(window: number, index: number): void {
    const place = placeOf(window);
    const words = this.records.words(window);
    const last = words[place + COUNT]! - 1;
    for (let moved = index; moved < last; moved++) {
      const at = this.instant(window, moved + 1);
      const cost = this.cost(window, moved + 1);
      if (moved < last - 1) {
        this.#setInRing(words, place, moved, at, cost);
      } else {
        this.records.numbers(window)[place >>> 1] = at;
        words[place + NEWEST_COST] = cost;
      }
    }
    if (index === last && last > 0) {
      this.records.numbers(window)[place >>> 1] = this.instant(window, last - 1);
      words[place + NEWEST_COST] = this.cost(window, last - 1);
    }
    words[place + COUNT] = last;
    this.setAge(window);
  }

  /** Writes down how much older the oldest slice is than the newest, after either has changed. */
  setAge(window: number): void {
    const place = placeOf(window);
    const words = this.records.words(window);
    words[place + AGE] =
      words[place + COUNT]! < 2 ? 0 : this.records.numbers(window)[place >>> 1]! - this.instant(window, 0);
  }

  /**
   * Gives the window's ring room for one more slice. It grows when it is full, and shrinks when three quarters of it are
   * idle; either way the cost of copying is amortised.
   */
  #fit(words: Uint32Array, place: number, held: number, maxHeld: number): void {
    const block = words[place + BLOCK]!;
    if (block === NO_BLOCK) {
      words[place + BLOCK] = this.blocks.allocate(FIRST_SIZE);
      words[place + HEAD] = 0;
      return;
    }
    const { size } = this.blocks.pool(block);
    if (held === size) this.#moveTo(words, place, held, Math.min(2 * size, Math.max(maxHeld, held + 1)));
    else if (size > FIRST_SIZE && held < size >>> 2) this.#moveTo(words, place, held, size >>> 1);
  }

  /** Moves the ring to a block of another size. */
  #moveTo(words: Uint32Array, place: number, held: number, size: number): void {
    const from = this.blocks.pool(words[place + BLOCK]!);
    const old = from.page(words[place + BLOCK]!);
    const block = this.blocks.allocate(size);
    const pool = this.blocks.pool(block);
    const slices = pool.page(block);
    const base = pool.offset(block);
    for (let index = 0; index < held; index++) {
      const slice = ringPlace(from, words, place, index);
      slices[base + index * NUMBERS_PER_SLICE] = old[slice]!;
      slices[base + index * NUMBERS_PER_SLICE + COST] = old[slice + COST]!;
    }
    this.blocks.free(words[place + BLOCK]!);
    words[place + BLOCK] = block;
    words[place + HEAD] = 0;
  }

  #setInRing(words: Uint32Array, place: number, index: number, at: number, cost: number): void {
    const block = words[place + BLOCK]!;
    const pool = this.blocks.pool(block);
    const slices = pool.page(block);
    const slice = ringPlace(pool, words, place, index);
    slices[slice] = at;
    slices[slice + COST] = cost;
  }
}

function ringPlace(pool: SlicePool, words: Uint32Array, place: number, index: number): number {
  return pool.offset(words[place + BLOCK]!) + wrap(words[place + HEAD]! + index, pool.size) * NUMBERS_PER_SLICE;
}

// The words of a window's record. Its first two are the number that is the instant of its newest slice.
export const USED = 2;
export const LIMIT = 3;
export const WINDOW_MS = 4;
export const BLOCK = 5;
export const HEAD = 6;
export const COUNT = 7;
export const NEWEST_COST = 8;
/** By how many milliseconds the oldest slice is older than the newest. */
export const AGE = 9;

/** The cost stands behind the instant in a slice. */
export const COST = 1;

export const NO_BLOCK = 0xffffffff;

/** A place in a ring of that size, of one that is less than a turn beyond it. */
export function wrap(place: number, size: number): number {
  return place < size ? place : place - size;
}

/** Slices in a window's first ring, which is made with its second slice: they fill a cache line. */
const FIRST_SIZE = 4;
