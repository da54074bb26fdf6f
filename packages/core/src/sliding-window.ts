import { NUMBERS_PER_SLICE } from './slice-blocks.js';
import { FIELDS, record } from './window-runs.js';
import { BLOCK, COST, COUNT, HEAD, LIMIT, NO_BLOCK, USED, WINDOW_MS, WindowSlices, wrap } from './window-slices.js';

/**
 * The sliding-window counter: many of them, in flat arrays. A window is a queue of slices, oldest first, each the instant
 * of its *latest* admission and the cost admitted in it; a slice counts until that latest admission leaves the window.
 * `docs/algorithm.md` has the formula, worked numbers and the proof that it never admits too much.
 *
 * Nothing here reads a clock. The caller passes instants that never decrease, whole milliseconds, and checks that a cost
 * fits before it admits it.
 */
export class SlidingWindows {
  readonly #slices = new WindowSlices();
  // Kept at hand for what every charge does.
  readonly #runs = this.#slices.runs;
  readonly #blocks = this.#slices.blocks;

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

  setWindowMs(window: number, windowMs: number): void {
    this.#page(window)[record(window) + WINDOW_MS] = windowMs;
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

  /** When the oldest slice of a window that is not empty leaves it. */
  oldestLeavesAt(window: number): number {
    return this.#slices.instant(window, 0) + this.windowMs(window);
  }

  /**
   * From when on so many units more fit under the limit: now, later, or never (`Infinity`). `used` is what counts in the
   * window now.
   */
  fitsAt(window: number, used: number, limit: number, units: number, now: number): number {
    if (units > limit) return Number.POSITIVE_INFINITY;
    const excess = used + units - limit;
    return excess <= 0 ? now : this.roomAt(window, excess);
  }

  /** The instant at which `excess` of the used cost will have left; `excess` is 1 to `used`. */
  roomAt(window: number, excess: number): number {
    let freed = 0;
    let index = 0;
    while (true) {
      freed += this.#slices.cost(window, index);
      if (freed >= excess) return this.#slices.instant(window, index) + this.windowMs(window);
      index++;
    }
  }

  /** Drops the oldest slices as long as the others hold that much. */
  trim(window: number, enough: number): void {
    const page = this.#page(window);
    const at = record(window);
    while (page[at + COUNT]! > 1 && page[at + USED]! - this.#slices.cost(window, 0) >= enough) {
      page[at + USED] = page[at + USED]! - this.#slices.cost(window, 0);
      page[at + HEAD] = wrap(page[at + HEAD]! + 1, this.#blocks.pool(page[at + BLOCK]!).size);
      page[at + COUNT] = page[at + COUNT]! - 1;
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
    block = this.#slices.fit(window, count, maxSlices);
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
    const count = this.#slices.count(window);
    let next = count;
    if (at < now) while (next > 0 && this.#slices.instant(window, next - 1) >= at) next--;
    if (next === count) {
      this.admit(window, at, cost, sliceMs, maxSlices);
      return;
    }
    const sharesCell = (index: number) =>
      sliceMs > 1 && Math.floor(this.#slices.instant(window, index) / sliceMs) === Math.floor(at / sliceMs);
    this.#page(window)[record(window) + USED] = used;
    if (this.#slices.instant(window, next) === at || sharesCell(next)) {
      this.#slices.add(window, next, this.#slices.instant(window, next), cost);
    } else if (next > 0 && sharesCell(next - 1)) {
      this.#slices.add(window, next - 1, at, cost);
    } else if (count >= maxSlices) {
      this.#slices.add(window, next, this.#slices.instant(window, next), cost);
    } else {
      this.#slices.insert(window, next, at, cost, maxSlices);
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
    while (index > 0 && this.#slices.instant(window, index - 1) >= admittedAt) index--;
    if (this.#slices.instant(window, index) < admittedAt) return;

    const held = this.#slices.cost(window, index);
    const taken = Math.min(cost, held);
    page[at + USED] = used - taken;
    if (taken < held) {
      this.#slices.set(window, index, this.#slices.instant(window, index), held - taken);
      return;
    }
    this.#slices.remove(window, index);
  }

  /** Fills the open and empty window `to` with what counts in both, looking at nothing older. */
  copy(from: number, to: number, now: number): void {
    if (this.used(from, now) === 0) return;
    const count = this.#page(from)[record(from) + COUNT]!;
    const leftAt = now - this.windowMs(to);
    let index = count;
    while (index > 0 && this.#slices.instant(from, index - 1) > leftAt) index--;
    for (; index < count; index++)
      this.admit(to, this.#slices.instant(from, index), this.#slices.cost(from, index), 1, count);
  }

  /** Moves all of the window `from`, which is to be given back, to `to`, which was just allocated. */
  move(from: number, to: number): void {
    const source = this.#page(from);
    const start = record(from);
    this.#page(to).set(source.subarray(start, start + FIELDS), record(to));
    source[start + BLOCK] = NO_BLOCK;
    source[start + COUNT] = 0;
  }

  /** All that is in the window becomes one slice of now, as full as can be written: unreachable but by quotas in billions. */
  #collapse(window: number, now: number): number {
    const page = this.#page(window);
    const at = record(window);
    page[at + USED] = MAX_USED;
    page[at + COUNT] = 1;
    this.#slices.set(window, 0, now, MAX_USED);
    return 1;
  }

  #page(window: number): Uint32Array {
    return this.#runs.page(window);
  }
}

const MAX_USED = 0xffffffff;
