import { COUNTER_WORDS, NEXT_FREE_SPAN, OWN_WINDOWS, WINDOW_WORDS } from './record-layout.js';

/**
 * Records of one size, numbered from 0, in pages that are never copied or moved. Growing never pauses the process, and
 * a record costs the garbage collector nothing.
 */
export class RecordPages {
  readonly #wordsPerRecord: number;
  readonly #words: Uint32Array[] = [];
  readonly #numbers: Float64Array[] = [];

  constructor(wordsPerRecord: number) {
    this.#wordsPerRecord = wordsPerRecord;
  }

  /** Makes the record's page if it does not exist. Records are reached in their order. */
  reach(record: number): void {
    if (record >>> PAGE_BITS < this.#words.length) return;
    const page = new ArrayBuffer(PAGE_SIZE * this.#wordsPerRecord * Uint32Array.BYTES_PER_ELEMENT);
    this.#words.push(new Uint32Array(page));
    this.#numbers.push(new Float64Array(page));
  }

  /** The page of the record, as words. */
  words(record: number): Uint32Array {
    return this.#words[record >>> PAGE_BITS]!;
  }

  /** The same page as numbers. The number at words 2n and 2n + 1 has the index n. */
  numbers(record: number): Float64Array {
    return this.#numbers[record >>> PAGE_BITS]!;
  }
}

export const PAGE_BITS = 12;
export const PAGE_SIZE: number = 1 << PAGE_BITS;
export const PAGE_MASK: number = PAGE_SIZE - 1;

/**
 * The records of counters and windows. The windows of a counter are adjacent. Up to two lie in the counter's own
 * record; more form a span outside it.
 */
export class Records {
  readonly counters: RecordPages = new RecordPages(COUNTER_WORDS);
  readonly #spans = new RecordPages(WINDOW_WORDS);
  /** By length: the first window of a list of free spans, plus one. */
  readonly #firstFree: number[] = [];
  #next = 0;

  /** The page of the window, as words. */
  words(window: number): Uint32Array {
    return window < SPANS ? this.counters.words(window >>> OWN_BITS) : this.#spans.words(window - SPANS);
  }

  /** The same page as numbers. */
  numbers(window: number): Float64Array {
    return window < SPANS ? this.counters.numbers(window >>> OWN_BITS) : this.#spans.numbers(window - SPANS);
  }

  /**
   * Allocates a span of `count` windows, 1 to {@link MAX_SPAN}, and returns the first. Their contents are undefined.
   */
  allocate(count: number): number {
    const free = this.#firstFree[count] ?? 0;
    if (free !== 0) {
      const first = free - 1;
      this.#firstFree[count] = this.words(first)[windowPlace(first) + NEXT_FREE_SPAN]!;
      return first;
    }
    // A span lies in one page.
    if ((this.#next & PAGE_MASK) + count > PAGE_SIZE) this.#next = (this.#next & ~PAGE_MASK) + PAGE_SIZE;
    const first = this.#next;
    this.#next += count;
    this.#spans.reach(first);
    return SPANS + first;
  }

  /** Frees a span. Does nothing to windows in a counter's record. */
  free(first: number, count: number): void {
    if (first < SPANS) return;
    this.words(first)[windowPlace(first) + NEXT_FREE_SPAN] = this.#firstFree[count] ?? 0;
    this.#firstFree[count] = first + 1;
  }
}

/** The index of the counter's first word in its page. */
export function counterPlace(slot: number): number {
  return (slot & PAGE_MASK) * COUNTER_WORDS;
}

/** The index of the window's first word in its page. */
export function windowPlace(window: number): number {
  return window < SPANS
    ? counterPlace(window >>> OWN_BITS) + OWN_WINDOWS + (window & OWN_MASK) * WINDOW_WORDS
    : ((window - SPANS) & PAGE_MASK) * WINDOW_WORDS;
}

/** The first window in the counter's own record. */
export function ownWindow(slot: number): number {
  return slot << OWN_BITS;
}

/** The longest span. */
export const MAX_SPAN = 64;

const OWN_BITS = 1;
const OWN_MASK = 1;
/** Windows are numbered. From this number on they lie in spans, since 2²⁴ counters have the numbers below. */
const SPANS = 2 ** 26;
