import { NUMBERS_PER_SLICE } from './slice-blocks.js';
import {
  AGE,
  BLOCK,
  COST,
  COUNT,
  HEAD,
  LIMIT,
  NEWEST_COST,
  NO_BLOCK,
  USED,
  WINDOW_MS,
  WindowSlices,
  wrap,
} from './slices.js';
import { placeOf, WINDOW_WORDS, type WindowRecords } from './window-records.js';

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
  readonly #records = this.#slices.records;
  readonly #blocks = this.#slices.blocks;

  get records(): WindowRecords {
    return this.#records;
  }

  /** `count` windows in a row that belong to no counter's record, to be opened one by one; the name of the first. */
  allocate(count: number): number {
    return this.#records.allocate(count);
  }

  free(first: number, count: number): void {
    for (let window = first; window < first + count; window++) {
      const block = this.#words(window)[placeOf(window) + BLOCK]!;
      if (block !== NO_BLOCK) this.#blocks.free(block);
    }
    this.#records.free(first, count);
  }

  /** Makes the window an empty one of the given length. */
  open(window: number, windowMs: number): void {
    const words = this.#words(window);
    const place = placeOf(window);
    words[place + USED] = 0;
    words[place + LIMIT] = 0;
    words[place + WINDOW_MS] = windowMs;
    words[place + BLOCK] = NO_BLOCK;
    words[place + HEAD] = 0;
    words[place + COUNT] = 0;
    words[place + AGE] = 0;
  }

  windowMs(window: number): number {
    return this.#words(window)[placeOf(window) + WINDOW_MS]!;
  }

  setWindowMs(window: number, windowMs: number): void {
    this.#words(window)[placeOf(window) + WINDOW_MS] = windowMs;
  }

  /** The limit that the window was last charged against, kept for whoever compares how full windows are. */
  limit(window: number): number {
    return this.#words(window)[placeOf(window) + LIMIT]!;
  }

  setLimit(window: number, limit: number): void {
    this.#words(window)[placeOf(window) + LIMIT] = limit;
  }

  /** Cost admitted in `(now - windowMs, now]`. */
  used(window: number, now: number): number {
    return this.usedAt(this.#words(window), this.#records.numbers(window), placeOf(window), now);
  }

  /** The same, for whoever has the window's page and place at hand, as every charge does. */
  usedAt(words: Uint32Array, numbers: Float64Array, place: number, now: number): number {
    if (words[place + COUNT] === 0) return 0;
    const leftAt = now - words[place + WINDOW_MS]!;
    return numbers[place >>> 1]! - words[place + AGE]! > leftAt
      ? words[place + USED]!
      : this.#expire(words, numbers, place, leftAt);
  }

  /** When the oldest slice of a window that is not empty leaves it. */
  oldestLeavesAt(window: number): number {
    const words = this.#words(window);
    const place = placeOf(window);
    return this.#records.numbers(window)[place >>> 1]! - words[place + AGE]! + words[place + WINDOW_MS]!;
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
    if (this.#slices.count(window) === 1) return this.oldestLeavesAt(window);
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
    const words = this.#words(window);
    const place = placeOf(window);
    const before = words[place + COUNT]!;
    while (words[place + COUNT]! > 1 && words[place + USED]! - this.#slices.cost(window, 0) >= enough) {
      this.#dropOldest(window, words, place);
    }
    if (words[place + COUNT] !== before) this.#slices.setAge(window);
  }

  /** Records an admission; returns how many slices the window has now. */
  admit(window: number, now: number, cost: number, sliceMs: number, maxSlices: number): number {
    const numbers = this.#records.numbers(window);
    return this.admitAt(this.#words(window), numbers, placeOf(window), now, cost, sliceMs, maxSlices);
  }

  /** The same, for whoever has the window's page and place at hand, as every charge does. */
  admitAt(
    words: Uint32Array,
    numbers: Float64Array,
    place: number,
    now: number,
    cost: number,
    sliceMs: number,
    maxSlices: number,
  ): number {
    const count = words[place + COUNT]!;
    const used = words[place + USED]! + cost;
    if (used > MAX_USED) return collapse(words, numbers, place, now);
    words[place + USED] = used;
    if (count === 0) {
      numbers[place >>> 1] = now;
      words[place + NEWEST_COST] = cost;
      words[place + COUNT] = 1;
      words[place + AGE] = 0;
      return 1;
    }
    const newestAt = numbers[place >>> 1]!;
    // More than `maxSlices` come only from a window that was charged against a finer quota before. Joining the newest
    // slice is always safe: it only makes cost count for longer.
    if (newestAt === now || count >= maxSlices || (sliceMs > 1 && newestAt >= Math.floor(now / sliceMs) * sliceMs)) {
      numbers[place >>> 1] = now;
      words[place + NEWEST_COST] = words[place + NEWEST_COST]! + cost;
      if (count > 1) words[place + AGE] = words[place + AGE]! + now - newestAt;
      return count;
    }
    this.#slices.push(words, numbers, place, now, cost, maxSlices);
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
      collapse(this.#words(window), this.#records.numbers(window), placeOf(window), now);
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
    this.#words(window)[placeOf(window) + USED] = used;
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
    const words = this.#words(window);
    const place = placeOf(window);
    let index = words[place + COUNT]! - 1;
    while (index > 0 && this.#slices.instant(window, index - 1) >= admittedAt) index--;
    if (this.#slices.instant(window, index) < admittedAt) return;

    const held = this.#slices.cost(window, index);
    const taken = Math.min(cost, held);
    words[place + USED] = used - taken;
    if (taken < held) {
      this.#slices.set(window, index, this.#slices.instant(window, index), held - taken);
      return;
    }
    this.#slices.remove(window, index);
  }

  /** Fills the open and empty window `to` with what counts in both, looking at nothing older. */
  copy(from: number, to: number, now: number): void {
    if (this.used(from, now) === 0) return;
    const count = this.#slices.count(from);
    const leftAt = now - this.windowMs(to);
    let index = count;
    while (index > 0 && this.#slices.instant(from, index - 1) > leftAt) index--;
    for (; index < count; index++)
      this.admit(to, this.#slices.instant(from, index), this.#slices.cost(from, index), 1, count);
  }

  /** Moves all of the window `from`, which is to be given back, to `to`, whose contents are undefined. */
  move(from: number, to: number): void {
    const source = this.#words(from);
    const start = placeOf(from);
    this.#words(to).set(source.subarray(start, start + WINDOW_WORDS), placeOf(to));
    source[start + BLOCK] = NO_BLOCK;
    source[start + COUNT] = 0;
  }

  /** Drops what was admitted up to `leftAt`, which is the oldest slice at least; what is used then. */
  #expire(words: Uint32Array, numbers: Float64Array, place: number, leftAt: number): number {
    const newestAt = numbers[place >>> 1]!;
    if (newestAt <= leftAt) {
      words[place + USED] = 0;
      words[place + HEAD] = 0;
      words[place + COUNT] = 0;
      words[place + AGE] = 0;
      return 0;
    }
    // The newest stays, so all that leave lie in the ring.
    const block = words[place + BLOCK]!;
    const pool = this.#blocks.pool(block);
    const slices = pool.page(block);
    const base = pool.offset(block);
    let used = words[place + USED]!;
    let count = words[place + COUNT]!;
    let head = words[place + HEAD]!;
    let oldestAt: number;
    do {
      used -= slices[base + head * NUMBERS_PER_SLICE + COST]!;
      count--;
      head = wrap(head + 1, pool.size);
      oldestAt = count === 1 ? newestAt : slices[base + head * NUMBERS_PER_SLICE]!;
    } while (oldestAt <= leftAt);
    words[place + USED] = used;
    words[place + HEAD] = head;
    words[place + COUNT] = count;
    words[place + AGE] = newestAt - oldestAt;
    return used;
  }

  /** Drops the oldest of several slices. The age has to be set afterwards. */
  #dropOldest(window: number, words: Uint32Array, place: number): void {
    words[place + USED] = words[place + USED]! - this.#slices.cost(window, 0);
    words[place + HEAD] = wrap(words[place + HEAD]! + 1, this.#blocks.pool(words[place + BLOCK]!).size);
    words[place + COUNT] = words[place + COUNT]! - 1;
  }

  #words(window: number): Uint32Array {
    return this.#records.words(window);
  }
}

const MAX_USED = 0xffffffff;

/** All that is in the window becomes one slice of now, as full as can be written: unreachable but by quotas in billions. */
function collapse(words: Uint32Array, numbers: Float64Array, place: number, now: number): number {
  numbers[place >>> 1] = now;
  words[place + NEWEST_COST] = MAX_USED;
  words[place + USED] = MAX_USED;
  words[place + COUNT] = 1;
  words[place + AGE] = 0;
  return 1;
}
