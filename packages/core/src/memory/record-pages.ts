/**
 * Records of one size, numbered from 0, in pages that are never copied or moved: growing never pauses the process, and a
 * record costs the garbage collector nothing. A page is read in 32-bit words, and two words at an even place as one number.
 */
export class RecordPages {
  readonly #wordsPerRecord: number;
  readonly #words: Uint32Array[] = [];
  readonly #numbers: Float64Array[] = [];

  constructor(wordsPerRecord: number) {
    this.#wordsPerRecord = wordsPerRecord;
  }

  /** Makes a page for the record, if it is the first one of its page. */
  reach(record: number): void {
    if (record >>> PAGE_BITS < this.#words.length) return;
    const page = new ArrayBuffer(PAGE_SIZE * this.#wordsPerRecord * Uint32Array.BYTES_PER_ELEMENT);
    this.#words.push(new Uint32Array(page));
    this.#numbers.push(new Float64Array(page));
  }

  /** The page that the record lies in, as words. */
  words(record: number): Uint32Array {
    return this.#words[record >>> PAGE_BITS]!;
  }

  /** The same page as numbers, of two words each. */
  numbers(record: number): Float64Array {
    return this.#numbers[record >>> PAGE_BITS]!;
  }
}

export const PAGE_BITS = 12;
export const PAGE_SIZE: number = 1 << PAGE_BITS;
export const PAGE_MASK: number = PAGE_SIZE - 1;
