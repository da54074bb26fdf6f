/**
 * Finds what has expired without looking at what has not: a hierarchical timing wheel (Varghese and Lauck, "Hashed and
 * Hierarchical Timing Wheels", 1987) over the slots of a store. It is exact to the millisecond, and driven by the
 * store's calls instead of a timer. A slot lies in the bucket of an instant before which it cannot have expired. The
 * caller that takes it checks the real instant, and adds the slot again if that is later. So an admission never touches
 * the wheel, and a slot is handled a few times per window however often it is charged.
 */
export class ExpiryWheel {
  // Each list is a ring through its sentinel, which is ~list in the place of a slot.
  readonly #first = Int32Array.from({ length: LISTS }, (_, list) => ~list);
  readonly #last = Int32Array.from({ length: LISTS }, (_, list) => ~list);
  /** Pages of links: the next slot of slot s at 2s, the previous one at 2s + 1. */
  readonly #links: Int32Array[] = [];
  /** A bit for each bucket that may not be empty. */
  readonly #filled = new Int32Array((LEVELS * BUCKETS) / 32);
  /** All buckets of instants up to this one have been emptied into the two due lists. */
  #current = 0;

  /** Slots are dense from 0. */
  add(slot: number, expiresAt: number): void {
    while (slot >>> PAGE_BITS >= this.#links.length) this.#links.push(new Int32Array(2 << PAGE_BITS));
    const list = this.#listOf(expiresAt);
    if (list < DUE) this.#filled[list >>> 5]! |= 1 << list;
    const last = this.#last[list]!;
    this.#join(last, slot, list);
    this.#join(slot, ~list, list);
  }

  remove(slot: number): void {
    const links = this.#page(slot);
    const next = links[link(slot)]!;
    const previous = links[link(slot) + 1]!;
    if (previous < 0) this.#first[~previous] = next;
    else this.#page(previous)[link(previous)] = next;
    if (next < 0) this.#last[~next] = previous;
    else this.#page(next)[link(next) + 1] = previous;
  }

  /**
   * Removes and returns one slot whose bucket's instant has come, or returns −1. Slots from a bucket of one millisecond
   * come before those of a coarse bucket, so that an expired slot is rarely behind a crowd of others.
   */
  take(now: number): number {
    if (now > this.#current) this.#advance(now);
    let slot = this.#first[DUE]!;
    if (slot < 0) slot = this.#first[COARSE]!;
    if (slot < 0) return -1;
    this.remove(slot);
    return slot;
  }

  /**
   * A bucket at level L spans 256^L ms. An instant's level is that of the highest digit in which it differs from now.
   */
  #listOf(expiresAt: number): number {
    if (expiresAt <= this.#current) return DUE;
    let level = 0;
    while (level < LEVELS - 1 && prefix(expiresAt, level + 1) !== prefix(this.#current, level + 1)) level++;
    return level * BUCKETS + digit(expiresAt, level);
  }

  #advance(now: number): void {
    const from = this.#current;
    this.#current = now;
    for (let level = 0; level < LEVELS; level++) {
      const rolledOver = prefix(from, level + 1) !== prefix(now, level + 1);
      const end = rolledOver ? BUCKETS - 1 : digit(now, level);
      const last = level * BUCKETS + end;
      for (let list = this.#nextFilled(level * BUCKETS + digit(from, level) + 1, last); list <= last; ) {
        // The bucket of `now` has instants still to come, unless it is a single instant.
        const passed = rolledOver || list < last || level === 0;
        this.#splice(list, passed ? DUE : COARSE);
        list = this.#nextFilled(list + 1, last);
      }
      if (!rolledOver) return;
    }
  }

  /**
   * The first bucket from `list` on that may not be empty, or one after `last`. A long idle time costs no more than a
   * short one.
   */
  #nextFilled(list: number, last: number): number {
    let from = list;
    while (from <= last) {
      const bits = this.#filled[from >>> 5]! >>> from;
      if (bits !== 0) return from + 31 - Math.clz32(bits & -bits);
      from = (from | 31) + 1;
    }
    return from;
  }

  #splice(from: number, to: number): void {
    this.#filled[from >>> 5]! &= ~(1 << from);
    const first = this.#first[from]!;
    if (first < 0) return;
    const last = this.#last[from]!;
    this.#first[from] = ~from;
    this.#last[from] = ~from;
    this.#join(this.#last[to]!, first, to);
    this.#join(last, ~to, to);
  }

  /** Makes `next` follow `previous`. Either may be the sentinel of `list`. */
  #join(previous: number, next: number, list: number): void {
    if (previous < 0) this.#first[list] = next;
    else this.#page(previous)[link(previous)] = next;
    if (next < 0) this.#last[list] = previous;
    else this.#page(next)[link(next) + 1] = previous;
  }

  #page(slot: number): Int32Array {
    return this.#links[slot >>> PAGE_BITS]!;
  }
}

const LEVELS = 6;
const BUCKETS = 256;
const DUE = LEVELS * BUCKETS;
const COARSE = DUE + 1;
const LISTS = COARSE + 1;

const PAGE_BITS = 12;
const PAGE_MASK = (1 << PAGE_BITS) - 1;

function link(slot: number): number {
  return 2 * (slot & PAGE_MASK);
}

// Instants need more than 32 bits, so digits are divided out, not shifted.
function prefix(instant: number, level: number): number {
  return Math.floor(instant / SPANS[level]!);
}

const SPANS: readonly number[] = Array.from({ length: LEVELS + 1 }, (_, level) => BUCKETS ** level);

function digit(instant: number, level: number): number {
  return prefix(instant, level) % BUCKETS;
}
