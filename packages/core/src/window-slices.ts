import { NUMBERS_PER_SLICE, SliceBlocks } from './slice-blocks.js';
import { record, WindowRuns } from './window-runs.js';

/**
 * The slices of many windows, each window's in a ring of its own that grows and shrinks with what is in it. Slices are
 * numbered from the oldest; what they mean is not known here.
 */
export class WindowSlices {
  readonly runs: WindowRuns = new WindowRuns();
  readonly blocks: SliceBlocks = new SliceBlocks();

  /** The page of the window's record. */
  page(window: number): Uint32Array {
    return this.runs.page(window);
  }

  /** How many slices the window has. */
  count(window: number): number {
    return this.page(window)[record(window) + COUNT]!;
  }

  /** When the slice was last added to. */
  instant(window: number, index: number): number {
    return this.#slices(window)[this.#sliceIndex(window, index)]!;
  }

  cost(window: number, index: number): number {
    return this.#slices(window)[this.#sliceIndex(window, index) + COST]!;
  }

  set(window: number, index: number, at: number, cost: number): void {
    const slices = this.#slices(window);
    const slice = this.#sliceIndex(window, index);
    slices[slice] = at;
    slices[slice + COST] = cost;
  }

  /** More cost for a slice, and an instant of its latest admission. */
  add(window: number, index: number, at: number, cost: number): void {
    this.set(window, index, at, this.cost(window, index) + cost);
  }

  /** Puts a slice before the one at `index`. */
  insert(window: number, index: number, at: number, cost: number, maxSlices: number): void {
    const count = this.count(window);
    this.fit(window, count, maxSlices);
    for (let moved = count; moved > index; moved--) {
      this.set(window, moved, this.instant(window, moved - 1), this.cost(window, moved - 1));
    }
    this.set(window, index, at, cost);
    this.page(window)[record(window) + COUNT] = count + 1;
  }

  /** Takes the slice at `index` out. */
  remove(window: number, index: number): void {
    const last = this.count(window) - 1;
    for (let moved = index; moved < last; moved++) {
      this.set(window, moved, this.instant(window, moved + 1), this.cost(window, moved + 1));
    }
    this.page(window)[record(window) + COUNT] = last;
  }

  /**
   * The window's block, with room for one more slice. It grows when it is full, and shrinks when three quarters of it are
   * idle; either way the cost of copying is amortised.
   */
  fit(window: number, count: number, maxSlices: number): number {
    const page = this.page(window);
    const at = record(window);
    const block = page[at + BLOCK]!;
    if (block === NO_BLOCK) return this.#setBlock(window, this.blocks.allocate(1));
    const { size } = this.blocks.pool(block);
    if (count === size) return this.#moveTo(window, Math.min(2 * size, Math.max(maxSlices, count + 1)));
    if (size > 1 && count < size >>> 2) return this.#moveTo(window, size >>> 1);
    return block;
  }

  /** Moves the window's slices to a block of another size. */
  #moveTo(window: number, size: number): number {
    const page = this.page(window);
    const at = record(window);
    const count = page[at + COUNT]!;
    const next = this.blocks.allocate(size);
    const pool = this.blocks.pool(next);
    const slices = pool.page(next);
    const base = pool.offset(next);
    for (let index = 0; index < count; index++) {
      slices[base + index * NUMBERS_PER_SLICE] = this.instant(window, index);
      slices[base + index * NUMBERS_PER_SLICE + COST] = this.cost(window, index);
    }
    this.blocks.free(page[at + BLOCK]!);
    return this.#setBlock(window, next);
  }

  #setBlock(window: number, block: number): number {
    const page = this.page(window);
    const at = record(window);
    page[at + BLOCK] = block;
    page[at + HEAD] = 0;
    return block;
  }

  #slices(window: number): Float64Array {
    const block = this.page(window)[record(window) + BLOCK]!;
    return this.blocks.pool(block).page(block);
  }

  #sliceIndex(window: number, index: number): number {
    const page = this.page(window);
    const at = record(window);
    const block = page[at + BLOCK]!;
    const pool = this.blocks.pool(block);
    return pool.offset(block) + wrap(page[at + HEAD]! + index, pool.size) * NUMBERS_PER_SLICE;
  }
}

// The fields of a window's record.
export const USED = 0;
export const LIMIT = 1;
export const WINDOW_MS = 2;
export const BLOCK = 3;
export const HEAD = 4;
export const COUNT = 5;

/** The cost stands behind the instant in a slice. */
export const COST = 1;

export const NO_BLOCK = 0xffffffff;

/** A place in a ring of that size, of one that is less than a turn beyond it. */
export function wrap(place: number, size: number): number {
  return place < size ? place : place - size;
}
