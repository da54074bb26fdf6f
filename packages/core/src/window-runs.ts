/**
 * Memory for the fixed part of many sliding windows: records of six unsigned integers, in pages that are never copied or
 * moved. The windows of one counter are a run of records, one behind the other.
 */
export class WindowRuns {
  readonly #pages: Uint32Array[] = [];
  /** Runs given back, by length; they form a list through the first field of their first record, plus one; 0 ends it. */
  readonly #firstFree: number[] = [];
  #next = 0;

  /** A run of `count` records, 1 to {@link MAX_RUN}, of undefined contents; the name of the first. */
  allocate(count: number): number {
    const free = this.#firstFree[count] ?? 0;
    if (free !== 0) {
      const first = free - 1;
      this.#firstFree[count] = this.page(first)[record(first)]!;
      return first;
    }
    if ((this.#next & PAGE_MASK) + count > PAGE_SIZE) this.#next = (this.#next & ~PAGE_MASK) + PAGE_SIZE;
    const first = this.#next;
    this.#next += count;
    if (first >>> PAGE_BITS === this.#pages.length) this.#pages.push(new Uint32Array(PAGE_SIZE * FIELDS));
    return first;
  }

  free(first: number, count: number): void {
    this.page(first)[record(first)] = this.#firstFree[count] ?? 0;
    this.#firstFree[count] = first + 1;
  }

  /** The page that the record lies in. */
  page(window: number): Uint32Array {
    return this.#pages[window >>> PAGE_BITS]!;
  }
}

/** The index in its page of the record's first field. */
export function record(window: number): number {
  return (window & PAGE_MASK) * FIELDS;
}

/** Fields in a record. */
export const FIELDS = 6;
/** The longest run. */
export const MAX_RUN = 64;

const PAGE_BITS = 12;
const PAGE_SIZE = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SIZE - 1;
