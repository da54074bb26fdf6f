import { AGE, BLOCK, COUNT, HEAD, NEWEST_AT, NEWEST_COST, NO_BLOCK } from '../record-layout.js';
import { Records, windowPlace } from '../records.js';
import { COST, NUMBERS_PER_SLICE, SliceBlocks, type SlicePool } from './slice-blocks.js';

/**
 * The slices of many windows. A window's newest slice lies in its record. The older ones lie in a ring that grows and
 * shrinks with their number. Index 0 is the oldest slice.
 */
export class Slices {
  readonly records: Records = new Records();
  readonly blocks: SliceBlocks = new SliceBlocks();

  /** The instant of the slice's latest admission. */
  instant(window: number, index: number): number {
    const place = windowPlace(window);
    const words = this.records.words(window);
    if (index === words[place + COUNT]! - 1) return this.records.numbers(window)[(place + NEWEST_AT) >>> 1]!;
    const pool = this.blocks.pool(words[place + BLOCK]!);
    return pool.page(words[place + BLOCK]!)[ringPlace(pool, words, place, index)]!;
  }

  cost(window: number, index: number): number {
    const place = windowPlace(window);
    const words = this.records.words(window);
    if (index === words[place + COUNT]! - 1) return words[place + NEWEST_COST]!;
    const pool = this.blocks.pool(words[place + BLOCK]!);
    return pool.page(words[place + BLOCK]!)[ringPlace(pool, words, place, index) + COST]!;
  }

  set(window: number, index: number, instant: number, cost: number): void {
    const place = windowPlace(window);
    const words = this.records.words(window);
    if (index === words[place + COUNT]! - 1) this.#setNewest(window, instant, cost);
    else this.#setInRing(words, place, index, instant, cost);
    this.setAge(window);
  }

  /** Adds cost to a slice, and sets the instant of its latest admission. */
  add(window: number, index: number, instant: number, cost: number): void {
    this.set(window, index, instant, this.cost(window, index) + cost);
  }

  /** Appends a slice. The window must not be empty. */
  push(words: Uint32Array, numbers: Float64Array, place: number, now: number, cost: number, maxSlices: number): void {
    const count = words[place + COUNT]!;
    const newestAt = numbers[(place + NEWEST_AT) >>> 1]!;
    this.#fit(words, place, count - 1, maxSlices - 1);
    this.#setInRing(words, place, count - 1, newestAt, words[place + NEWEST_COST]!);
    numbers[(place + NEWEST_AT) >>> 1] = now;
    words[place + NEWEST_COST] = cost;
    words[place + COUNT] = count + 1;
    words[place + AGE] = words[place + AGE]! + now - newestAt;
  }

  /** Inserts a slice before the one at `index`. */
  insert(window: number, index: number, instant: number, cost: number, maxSlices: number): void {
    const place = windowPlace(window);
    const words = this.records.words(window);
    const count = words[place + COUNT]!;
    this.#fit(words, place, count - 1, maxSlices - 1);
    for (let moved = count - 1; moved > index; moved--) {
      this.#setInRing(words, place, moved, this.instant(window, moved - 1), this.cost(window, moved - 1));
    }
    this.#setInRing(words, place, index, instant, cost);
    words[place + COUNT] = count + 1;
    this.setAge(window);
  }

  remove(window: number, index: number): void {
    const place = windowPlace(window);
    const words = this.records.words(window);
    const last = words[place + COUNT]! - 1;
    for (let moved = index; moved < last - 1; moved++) {
      this.#setInRing(words, place, moved, this.instant(window, moved + 1), this.cost(window, moved + 1));
    }
    if (index === last && last > 0)
      this.#setNewest(window, this.instant(window, last - 1), this.cost(window, last - 1));
    words[place + COUNT] = last;
    this.setAge(window);
  }

  /** Stores how much older the oldest slice is than the newest. Runs after either has changed. */
  setAge(window: number): void {
    const place = windowPlace(window);
    const words = this.records.words(window);
    const last = words[place + COUNT]! - 1;
    words[place + AGE] = last < 1 ? 0 : this.instant(window, last) - this.instant(window, 0);
  }

  #setNewest(window: number, instant: number, cost: number): void {
    const place = windowPlace(window);
    this.records.numbers(window)[(place + NEWEST_AT) >>> 1] = instant;
    this.records.words(window)[place + NEWEST_COST] = cost;
  }

  /**
   * Makes room in the window's ring for one more slice. The ring grows when it is full, and shrinks when three quarters
   * are unused; so the cost of copying is amortised.
   */
  #fit(words: Uint32Array, place: number, count: number, maxCount: number): void {
    const block = words[place + BLOCK]!;
    if (block === NO_BLOCK) {
      words[place + BLOCK] = this.blocks.allocate(FIRST_SIZE);
      words[place + HEAD] = 0;
      return;
    }
    const { size } = this.blocks.pool(block);
    if (count === size) this.#moveTo(words, place, count, Math.min(2 * size, Math.max(maxCount, count + 1)));
    else if (size > FIRST_SIZE && count < size >>> 2) this.#moveTo(words, place, count, size >>> 1);
  }

  /** Moves the ring to a block of another size. */
  #moveTo(words: Uint32Array, place: number, count: number, size: number): void {
    const from = this.blocks.pool(words[place + BLOCK]!);
    const old = from.page(words[place + BLOCK]!);
    const block = this.blocks.allocate(size);
    const pool = this.blocks.pool(block);
    const slices = pool.page(block);
    const base = pool.offset(block);
    for (let index = 0; index < count; index++) {
      const slice = ringPlace(from, words, place, index);
      slices[base + index * NUMBERS_PER_SLICE] = old[slice]!;
      slices[base + index * NUMBERS_PER_SLICE + COST] = old[slice + COST]!;
    }
    this.blocks.free(words[place + BLOCK]!);
    words[place + BLOCK] = block;
    words[place + HEAD] = 0;
  }

  #setInRing(words: Uint32Array, place: number, index: number, instant: number, cost: number): void {
    const block = words[place + BLOCK]!;
    const pool = this.blocks.pool(block);
    const slices = pool.page(block);
    const slice = ringPlace(pool, words, place, index);
    slices[slice] = instant;
    slices[slice + COST] = cost;
  }
}

function ringPlace(pool: SlicePool, words: Uint32Array, place: number, index: number): number {
  return pool.offset(words[place + BLOCK]!) + wrap(words[place + HEAD]! + index, pool.size) * NUMBERS_PER_SLICE;
}

/** `index` modulo `size`, where the index is less than twice the size. */
export function wrap(index: number, size: number): number {
  return index < size ? index : index - size;
}

/** Slices in a window's first ring, which the second slice needs: they fill a cache line. */
const FIRST_SIZE = 4;
