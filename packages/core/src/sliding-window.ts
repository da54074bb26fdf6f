import { NUMBERS_PER_SLICE, SliceBlocks } from './slice-blocks.js';
import { FIELDS, record, WindowRuns } from './window-runs.js';

/**
 * The sliding-window counter: many of them, in flat arrays. A window is a queue of slices, oldest first, each the instant
 * of its *latest* admission and the cost admitted in it; a slice counts until that latest admission leaves the window.
 * `docs/algorithm.md` has the formula, worked numbers and the proof that it never admits too much.
 *
 * Nothing here reads a clock. The caller passes instants that never decrease, whole milliseconds, and checks that a cost
 * fits before it admits it.
 */
export class SlidingWindows {
  readonly #runs = new WindowRuns();
  readonly #blocks = new SliceBlocks();

  /** `count` windows in a row, to be opened one by one; the name of the first. */
  allocate(count: number): number {
    return this.#runs.allocate(count);
  }

  free(first: number, count: number): void {
    for (let window = first; window < first + count; window++) {
      const block = this.#page(window)[record(window) + BLOCK]!;
      if (block !== NO_BLOCK) this.#blocks.free(block);
    }
    this.#runs.free(first, count);
  }

  /** Makes the window an empty one of the given length. */
  open(window: number, windowMs: number): void {
    const page = this.#page(window);
    const at = record(window);
    page[at + USED] = 0;
    page[at + LIMIT] = 0;
    page[at + WINDOW_MS] = windowMs;
    page[at + BLOCK] = NO_BLOCK;
    page[at + HEAD] = 0;
    page[at + COUNT] = 0;
  }

  windowMs(window: number): number {
    return this.#page(window)[record(window) + WINDOW_MS]!;
  }

  /** The limit that the window was last charged against, kept for whoever compares how full windows are. */
  limit(window: number): number {
    return this.#page(window)[record(window) + LIMIT]!;
  }

  setLimit(window: number, limit: number): void {
    this.#page(window)[record(window) + LIMIT] = limit;
  }

  /** Cost admitted in `(now - windowMs, now]`. */
  used(window: number, now: number): number {
    const page = this.#page(window);
    const at = record(window);
    let count = page[at + COUNT]!;
    if (count === 0) return 0;
    const block = page[at + BLOCK]!;
    const pool = this.#blocks.pool(block);
    const slices = pool.page(block);
    const base = pool.offset(block);
    const leftAt = now - page[at + WINDOW_MS]!;
    let head = page[at + HEAD]!;
    let slice = base + head * NUMBERS_PER_SLICE;
    let used = page[at + USED]!;
    if (slices[slice]! > leftAt) return used;
    do {
      used -= slices[slice + COST]!;
      count--;
      head = head + 1 === pool.size ? 0 : head + 1;
      slice = base + head * NUMBERS_PER_SLICE;
    } while (count > 0 && slices[slice]! <= leftAt);
    page[at + USED] = used;
    page[at + HEAD] = head;
    page[at + COUNT] = count;
    return used;
  }

  /** When room next grows: the instant at which the oldest slice leaves; `now` when the window is empty. */
  roomGrowsAt(window: number, now: number): number {
    if (this.#page(window)[record(window) + COUNT] === 0) return now;
    return this.#sliceAt(window, 0) + this.windowMs(window);
  }

  /** The instant at which `excess` of the used cost will have left; `excess` is 1 to `used`. */
  roomAt(window: number, excess: number): number {
    let freed = 0;
    let index = 0;
    while (true) {
      freed += this.#sliceCost(window, index);
      if (freed >= excess) return this.#sliceAt(window, index) + this.windowMs(window);
      index++;
    }
  }

  /** Records an admission; returns how many slices the window has now. */
  admit(window: number, now: number, cost: number, sliceMs: number, maxSlices: number): number {
    const page = this.#page(window);
    const at = record(window);
    const count = page[at + COUNT]!;
    const used = page[at + USED]! + cost;
    if (used > MAX_USED) return this.#collapse(window, now);
    page[at + USED] = used;

    let block = page[at + BLOCK]!;
    if (count > 0) {
      const pool = this.#blocks.pool(block);
      const slices = pool.page(block);
      const newest = pool.offset(block) + wrap(page[at + HEAD]! + count - 1, pool.size) * NUMBERS_PER_SLICE;
      const newestAt = slices[newest]!;
      // More than `maxSlices` come only from a window that was charged against a finer quota before. Joining the newest
      // slice is always safe: it only makes cost count for longer.
      if (
        newestAt === now ||
        count >= maxSlices ||
        (sliceMs > 1 && Math.floor(newestAt / sliceMs) === Math.floor(now / sliceMs))
      ) {
        slices[newest] = now;
        slices[newest + COST] = slices[newest + COST]! + cost;
        return count;
      }
    }
    block = this.#fitBlock(window, count, maxSlices);
    const pool = this.#blocks.pool(block);
    const slices = pool.page(block);
    const slice = pool.offset(block) + wrap(page[at + HEAD]! + count, pool.size) * NUMBERS_PER_SLICE;
    slices[slice] = now;
    slices[slice + COST] = cost;
    page[at + COUNT] = count + 1;
    return count + 1;
  }

  /**
   * Records an admission of the instant `at`, which may lie before others that the window holds. As with `admit`, a slice
   * only ever moves to a later instant than that of what is in it, so nothing stops counting early.
   */
  insert(window: number, now: number, at: number, cost: number, sliceMs: number, maxSlices: number): void {
    if (at <= now - this.windowMs(window)) return;
    const used = this.used(window, now) + cost;
    if (used > MAX_USED) {
      this.#collapse(window, now);
      return;
    }
    const count = this.#count(window);
    let next = count;
    if (at < now) while (next > 0 && this.#sliceAt(window, next - 1) >= at) next--;
    if (next === count) {
      this.admit(window, at, cost, sliceMs, maxSlices);
      return;
    }
    const sharesCell = (index: number) =>
      sliceMs > 1 && Math.floor(this.#sliceAt(window, index) / sliceMs) === Math.floor(at / sliceMs);
    this.#page(window)[record(window) + USED] = used;
    if (this.#sliceAt(window, next) === at || sharesCell(next)) {
      this.#addCost(window, next, this.#sliceAt(window, next), cost);
    } else if (next > 0 && sharesCell(next - 1)) {
      this.#addCost(window, next - 1, at, cost);
    } else if (count >= maxSlices) {
      this.#addCost(window, next, this.#sliceAt(window, next), cost);
    } else {
      this.#insertSlice(window, next, at, cost, maxSlices);
    }
  }

  /**
   * Takes back cost that was admitted at the instant `admittedAt`, if it still counts. The slice that holds it is the
   * oldest one whose latest admission is not before that instant. The caller vouches that the window held the admission.
   */
  takeBack(window: number, now: number, admittedAt: number, cost: number): void {
    const used = this.used(window, now);
    // Of a window that has collapsed, no one knows any more what it holds.
    if (used === 0 || used === MAX_USED || admittedAt <= now - this.windowMs(window)) return;
    const page = this.#page(window);
    const at = record(window);
    const count = page[at + COUNT]!;
    let index = count - 1;
    while (index > 0 && this.#sliceAt(window, index - 1) >= admittedAt) index--;
    if (this.#sliceAt(window, index) < admittedAt) return;

    const held = this.#sliceCost(window, index);
    const taken = Math.min(cost, held);
    page[at + USED] = used - taken;
    if (taken < held) {
      this.#setSlice(window, index, this.#sliceAt(window, index), held - taken);
      return;
    }
    for (; index + 1 < count; index++) {
      this.#setSlice(window, index, this.#sliceAt(window, index + 1), this.#sliceCost(window, index + 1));
    }
    page[at + COUNT] = count - 1;
  }

  /** Fills the open and empty window `to` with what counts in both, looking at nothing older. */
  copy(from: number, to: number, now: number): void {
    if (this.used(from, now) === 0) return;
    const count = this.#page(from)[record(from) + COUNT]!;
    const leftAt = now - this.windowMs(to);
    let index = count;
    while (index > 0 && this.#sliceAt(from, index - 1) > leftAt) index--;
    for (; index < count; index++) this.admit(to, this.#sliceAt(from, index), this.#sliceCost(from, index), 1, count);
  }

  /** Moves all of the window `from`, which is to be given back, to `to`, which was just allocated. */
  move(from: number, to: number): void {
    const source = this.#page(from);
    const start = record(from);
    this.#page(to).set(source.subarray(start, start + FIELDS), record(to));
    source[start + BLOCK] = NO_BLOCK;
    source[start + COUNT] = 0;
  }

  #addCost(window: number, index: number, at: number, cost: number): void {
    this.#setSlice(window, index, at, this.#sliceCost(window, index) + cost);
  }

  /** Puts a slice before the one at `index`. */
  #insertSlice(window: number, index: number, at: number, cost: number, maxSlices: number): void {
    const count = this.#count(window);
    this.#fitBlock(window, count, maxSlices);
    for (let moved = count; moved > index; moved--) {
      this.#setSlice(window, moved, this.#sliceAt(window, moved - 1), this.#sliceCost(window, moved - 1));
    }
    this.#setSlice(window, index, at, cost);
    this.#page(window)[record(window) + COUNT] = count + 1;
  }

  /** All that is in the window becomes one slice of now, as full as can be written: unreachable but by quotas in billions. */
  #collapse(window: number, now: number): number {
    const page = this.#page(window);
    const at = record(window);
    page[at + USED] = MAX_USED;
    page[at + COUNT] = 1;
    this.#setSlice(window, 0, now, MAX_USED);
    return 1;
  }

  /**
   * The window's block, with room for one more slice. It grows when it is full, and shrinks when three quarters of it are
   * idle; either way the cost of copying is amortised.
   */
  #fitBlock(window: number, count: number, maxSlices: number): number {
    const page = this.#page(window);
    const at = record(window);
    const block = page[at + BLOCK]!;
    if (block === NO_BLOCK) return this.#setBlock(window, this.#blocks.allocate(1));
    const { size } = this.#blocks.pool(block);
    if (count === size) return this.#moveTo(window, Math.min(2 * size, Math.max(maxSlices, count + 1)));
    if (size > 1 && count < size >>> 2) return this.#moveTo(window, size >>> 1);
    return block;
  }

  /** Moves the window's slices to a block of another size. */
  #moveTo(window: number, size: number): number {
    const page = this.#page(window);
    const at = record(window);
    const count = page[at + COUNT]!;
    const next = this.#blocks.allocate(size);
    const pool = this.#blocks.pool(next);
    const slices = pool.page(next);
    const base = pool.offset(next);
    for (let index = 0; index < count; index++) {
      slices[base + index * NUMBERS_PER_SLICE] = this.#sliceAt(window, index);
      slices[base + index * NUMBERS_PER_SLICE + COST] = this.#sliceCost(window, index);
    }
    this.#blocks.free(page[at + BLOCK]!);
    return this.#setBlock(window, next);
  }

  #setBlock(window: number, block: number): number {
    const page = this.#page(window);
    const at = record(window);
    page[at + BLOCK] = block;
    page[at + HEAD] = 0;
    return block;
  }

  #count(window: number): number {
    return this.#page(window)[record(window) + COUNT]!;
  }

  #sliceAt(window: number, index: number): number {
    return this.#slices(window)[this.#sliceIndex(window, index)]!;
  }

  #sliceCost(window: number, index: number): number {
    return this.#slices(window)[this.#sliceIndex(window, index) + COST]!;
  }

  #setSlice(window: number, index: number, at: number, cost: number): void {
    const slices = this.#slices(window);
    const slice = this.#sliceIndex(window, index);
    slices[slice] = at;
    slices[slice + COST] = cost;
  }

  #slices(window: number): Float64Array {
    const block = this.#page(window)[record(window) + BLOCK]!;
    return this.#blocks.pool(block).page(block);
  }

  #sliceIndex(window: number, index: number): number {
    const page = this.#page(window);
    const at = record(window);
    const block = page[at + BLOCK]!;
    const pool = this.#blocks.pool(block);
    return pool.offset(block) + wrap(page[at + HEAD]! + index, pool.size) * NUMBERS_PER_SLICE;
  }

  #page(window: number): Uint32Array {
    return this.#runs.page(window);
  }
}

// The fields of a window's record.
const USED = 0;
const LIMIT = 1;
const WINDOW_MS = 2;
const BLOCK = 3;
const HEAD = 4;
const COUNT = 5;

/** The cost stands behind the instant in a slice. */
const COST = 1;

const NO_BLOCK = 0xffffffff;
const MAX_USED = 0xffffffff;

/** A place in a ring of that size, of one that is less than a turn beyond it. */
function wrap(place: number, size: number): number {
  return place < size ? place : place - size;
}
