import { PAGE_MASK, PAGE_SIZE, RecordPages } from './record-pages.js';

/**
 * Where the fixed part of each window lies. The windows of one counter are a run, one behind the other. A run of up to two
 * lies in the counter's own record, so that a charge finds all that it needs in one place; a longer one lies by itself.
 */
export class WindowRecords {
  readonly counters: RecordPages = new RecordPages(COUNTER_WORDS);
  readonly #runs = new RecordPages(WINDOW_WORDS);
  /** Runs given back, by length; they form a list through the first word of their first record, plus one; 0 ends it. */
  readonly #firstFree: number[] = [];
  #next = 0;

  words(window: number): Uint32Array {
    return window < RUNS ? this.counters.words(window >>> OWN_BITS) : this.#runs.words(window - RUNS);
  }

  numbers(window: number): Float64Array {
    return window < RUNS ? this.counters.numbers(window >>> OWN_BITS) : this.#runs.numbers(window - RUNS);
  }

  /** A run by itself, of `count` records, 1 to {@link MAX_RUN}, and of undefined contents; the name of the first. */
  allocate(count: number): number {
    const free = this.#firstFree[count] ?? 0;
    if (free !== 0) {
      const first = free - 1;
      this.#firstFree[count] = this.words(first)[placeOf(first)]!;
      return first;
    }
    if ((this.#next & PAGE_MASK) + count > PAGE_SIZE) this.#next = (this.#next & ~PAGE_MASK) + PAGE_SIZE;
    const first = this.#next;
    this.#next += count;
    this.#runs.reach(first);
    return RUNS + first;
  }

  /** Gives a run back that was allocated. */
  free(first: number, count: number): void {
    if (first < RUNS) return;
    this.words(first)[placeOf(first)] = this.#firstFree[count] ?? 0;
    this.#firstFree[count] = first + 1;
  }
}

/** Where the counter's record begins in its page of words; half of it is where it begins in the numbers. */
export function counterPlaceOf(slot: number): number {
  return (slot & PAGE_MASK) * COUNTER_WORDS;
}

/** The first of the two windows in the counter's own record. */
export function ownWindow(slot: number): number {
  return slot << OWN_BITS;
}

/** Where the window begins in its page of words; half of it is where it begins in the numbers. */
export function placeOf(window: number): number {
  return window < RUNS
    ? counterPlaceOf(window >>> OWN_BITS) + HEADER_WORDS + (window & OWN_MASK) * WINDOW_WORDS
    : ((window - RUNS) & PAGE_MASK) * WINDOW_WORDS;
}

/** Of a counter's record, what stands before its windows: eight words, and its account. */
export const HEADER_WORDS = 14;
export const WINDOW_WORDS = 10;
/** Windows in a counter's own record. */
export const OWN_WINDOWS = 2;
export const COUNTER_WORDS: number = HEADER_WORDS + OWN_WINDOWS * WINDOW_WORDS;
/** The longest run. */
export const MAX_RUN = 64;

const OWN_BITS = 1;
const OWN_MASK = 1;
/** Names from here on are of runs by themselves: above those of the windows of 2²⁴ counters. */
const RUNS = 2 ** 26;
