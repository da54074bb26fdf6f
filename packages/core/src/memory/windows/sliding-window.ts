import {
  AGE,
  BLOCK,
  COUNT,
  HEAD,
  LIMIT,
  NEWEST_AT,
  NEWEST_COST,
  NO_BLOCK,
  USED,
  WINDOW_MS,
  WINDOW_WORDS,
} from '../record-layout.js';
import { type Records, windowPlace } from '../records.js';
import { COST, NUMBERS_PER_SLICE } from './slice-blocks.js';
import { Slices, wrap } from './slices.js';

/**
 * The sliding-window counter: many of them, in flat arrays. A window is a queue of slices, oldest first. A slice has
 * the instant of its *latest* admission and the cost admitted in it, and counts until that admission leaves the window.
 * `docs/algorithm.md` has the formula, worked numbers and the proof that it never admits too much.
 *
 * Nothing here reads a clock. The caller passes whole milliseconds that never decrease, and checks that a cost fits
 * before it admits the cost. Methods with `words`, `numbers` and `place` take the window's page and its index there.
 */
export class SlidingWindows {
  readonly #slices = new Slices();
  readonly records: Records = this.#slices.records;
  readonly #blocks = this.#slices.blocks;

  /** Frees adjacent windows and their slices. */
  free(first: number, count: number): void {
    for (let window = first; window < first + count; window++) {
      const block = this.word(window, BLOCK);
      if (block !== NO_BLOCK) this.#blocks.free(block);
    }
    this.records.free(first, count);
  }

  /** Makes the window empty, with the given length. */
  open(window: number, windowMs: number): void {
    const words = this.records.words(window);
    const place = windowPlace(window);
    words[place + USED] = 0;
    words[place + LIMIT] = 0;
    words[place + WINDOW_MS] = windowMs;
    words[place + BLOCK] = NO_BLOCK;
    words[place + HEAD] = 0;
    words[place + COUNT] = 0;
    words[place + AGE] = 0;
  }

  /** A word of the window, such as {@link WINDOW_MS}. */
  word(window: number, word: number): number {
    return this.records.words(window)[windowPlace(window) + word]!;
  }

  setWord(window: number, word: number, value: number): void {
    this.records.words(window)[windowPlace(window) + word] = value;
  }

  /** Cost admitted in `(now - windowMs, now]`. */
  used(window: number, now: number): number {
    return this.usedAtPlace(this.records.words(window), this.records.numbers(window), windowPlace(window), now);
  }

  usedAtPlace(words: Uint32Array, numbers: Float64Array, place: number, now: number): number {
    if (words[place + COUNT] === 0) return 0;
    const leftAt = now - words[place + WINDOW_MS]!;
    return numbers[(place + NEWEST_AT) >>> 1]! - words[place + AGE]! > leftAt
      ? words[place + USED]!
      : this.#expire(words, numbers, place, leftAt);
  }

  /**
   * The earliest instant at which `units` more fit under the limit: now, later, or `Infinity` for never. `used` is the
   * cost that counts now.
   */
  fitsAt(window: number, used: number, limit: number, units: number, now: number): number {
    if (units > limit) return Number.POSITIVE_INFINITY;
    const excess = used + units - limit;
    return excess <= 0 ? now : this.roomAt(window, excess);
  }

  /** The instant at which `excess` of the used cost has left. `excess` is 1 to `used`. */
  roomAt(window: number, excess: number): number {
    const words = this.records.words(window);
    const place = windowPlace(window);
    const windowMs = words[place + WINDOW_MS]!;
    if (words[place + COUNT] === 1) return this.records.numbers(window)[(place + NEWEST_AT) >>> 1]! + windowMs;
    let index = 0;
    let freed = this.#slices.cost(window, 0);
    while (freed < excess) freed += this.#slices.cost(window, ++index);
    return this.#slices.instant(window, index) + windowMs;
  }

  /** Drops the oldest slices while the others have at least the cost `enough`. */
  trim(window: number, enough: number): void {
    const words = this.records.words(window);
    const place = windowPlace(window);
    const before = words[place + COUNT];
    while (words[place + COUNT]! > 1 && words[place + USED]! - this.#slices.cost(window, 0) >= enough) {
      words[place + USED] = words[place + USED]! - this.#slices.cost(window, 0);
      words[place + HEAD] = wrap(words[place + HEAD]! + 1, this.#blocks.pool(words[place + BLOCK]!).size);
      words[place + COUNT] = words[place + COUNT]! - 1;
    }
    if (words[place + COUNT] !== before) this.#slices.setAge(window);
  }

  /** Records an admission, and returns the number of slices. */
  admit(window: number, now: number, cost: number, sliceMs: number, maxSlices: number): number {
    const numbers = this.records.numbers(window);
    return this.admitAtPlace(this.records.words(window), numbers, windowPlace(window), now, cost, sliceMs, maxSlices);
  }

  admitAtPlace(
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
      numbers[(place + NEWEST_AT) >>> 1] = now;
      words[place + NEWEST_COST] = cost;
      words[place + COUNT] = 1;
      words[place + AGE] = 0;
      return 1;
    }
    const newestAt = numbers[(place + NEWEST_AT) >>> 1]!;
    // A window has more than `maxSlices` only if it was charged against a finer quota before. Joining the newest slice
    // is always safe: it only makes cost count for longer.
    if (newestAt === now || count >= maxSlices || (sliceMs > 1 && newestAt >= Math.floor(now / sliceMs) * sliceMs)) {
      numbers[(place + NEWEST_AT) >>> 1] = now;
      words[place + NEWEST_COST] = words[place + NEWEST_COST]! + cost;
      if (count > 1) words[place + AGE] = words[place + AGE]! + now - newestAt;
      return count;
    }
    this.#slices.push(words, numbers, place, now, cost, maxSlices);
    return count + 1;
  }

  /**
   * Records an admission of the instant `admittedAt`, which may be earlier than others in the window. A slice only ever
   * moves to a later instant than its admissions have, so nothing stops counting early.
   */
  insert(window: number, now: number, admittedAt: number, cost: number, sliceMs: number, maxSlices: number): void {
    if (admittedAt <= now - this.word(window, WINDOW_MS)) return;
    const used = this.used(window, now) + cost;
    if (used > MAX_USED) {
      collapse(this.records.words(window), this.records.numbers(window), windowPlace(window), now);
      return;
    }
    const count = this.word(window, COUNT);
    let next = count;
    if (admittedAt < now) while (next > 0 && this.#slices.instant(window, next - 1) >= admittedAt) next--;
    if (next === count) {
      this.admit(window, admittedAt, cost, sliceMs, maxSlices);
      return;
    }
    const sharesCell = (index: number) =>
      sliceMs > 1 && Math.floor(this.#slices.instant(window, index) / sliceMs) === Math.floor(admittedAt / sliceMs);
    this.records.words(window)[windowPlace(window) + USED] = used;
    if (this.#slices.instant(window, next) === admittedAt || sharesCell(next)) {
      this.#slices.add(window, next, this.#slices.instant(window, next), cost);
    } else if (next > 0 && sharesCell(next - 1)) {
      this.#slices.add(window, next - 1, admittedAt, cost);
    } else if (count >= maxSlices) {
      this.#slices.add(window, next, this.#slices.instant(window, next), cost);
    } else {
      this.#slices.insert(window, next, admittedAt, cost, maxSlices);
    }
  }

  /**
   * Takes back cost that was admitted at the instant `admittedAt`, if it still counts. The cost is in the oldest slice
   * whose latest admission is not before that instant. The caller ensures that the admission was recorded in this
   * window.
   */
  takeBack(window: number, now: number, admittedAt: number, cost: number): void {
    const used = this.used(window, now);
    // A collapsed window has lost which admissions it counts.
    if (used === 0 || used === MAX_USED || admittedAt <= now - this.word(window, WINDOW_MS)) return;
    const words = this.records.words(window);
    const place = windowPlace(window);
    let index = words[place + COUNT]! - 1;
    while (index > 0 && this.#slices.instant(window, index - 1) >= admittedAt) index--;
    if (this.#slices.instant(window, index) < admittedAt) return;

    const sliceCost = this.#slices.cost(window, index);
    const taken = Math.min(cost, sliceCost);
    words[place + USED] = used - taken;
    if (taken < sliceCost) {
      this.#slices.set(window, index, this.#slices.instant(window, index), sliceCost - taken);
      return;
    }
    this.#slices.remove(window, index);
  }

  /** Fills the empty window `to` with what counts in both windows. */
  copy(from: number, to: number, now: number): void {
    if (this.used(from, now) === 0) return;
    const count = this.word(from, COUNT);
    const leftAt = now - this.word(to, WINDOW_MS);
    let index = count;
    while (index > 0 && this.#slices.instant(from, index - 1) > leftAt) index--;
    for (; index < count; index++)
      this.admit(to, this.#slices.instant(from, index), this.#slices.cost(from, index), 1, count);
  }

  /** Moves the window `from`, which the caller then frees, to `to`, whose contents are undefined. */
  move(from: number, to: number): void {
    const source = this.records.words(from);
    const start = windowPlace(from);
    this.records.words(to).set(source.subarray(start, start + WINDOW_WORDS), windowPlace(to));
    source[start + BLOCK] = NO_BLOCK;
    source[start + COUNT] = 0;
  }

  /** Drops what was admitted up to `leftAt`, at least the oldest slice. Returns the cost that still counts. */
  #expire(words: Uint32Array, numbers: Float64Array, place: number, leftAt: number): number {
    const newestAt = numbers[(place + NEWEST_AT) >>> 1]!;
    if (newestAt <= leftAt) {
      words[place + USED] = 0;
      words[place + HEAD] = 0;
      words[place + COUNT] = 0;
      words[place + AGE] = 0;
      return 0;
    }
    // The newest slice stays, so all that leave lie in the ring.
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
}

const MAX_USED = 0xffffffff;

/**
 * All slices become one slice of now with the largest cost that a word can have. Only limits in billions reach this.
 */
function collapse(words: Uint32Array, numbers: Float64Array, place: number, now: number): number {
  numbers[(place + NEWEST_AT) >>> 1] = now;
  words[place + NEWEST_COST] = MAX_USED;
  words[place + USED] = MAX_USED;
  words[place + COUNT] = 1;
  words[place + AGE] = 0;
  return 1;
}
