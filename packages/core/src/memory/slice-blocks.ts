/**
 * Memory for the slices of many sliding windows: blocks of a few fixed sizes, cut from pages of one `Float64Array` each.
 * A page is never copied or moved, so growing never pauses the process, and a block that is given back is used again
 * before a new page is made.
 */

/** Block sizes in slices. */
const SIZES: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];
/** A block's name is its index among those of its size, times 16, plus the index of its size. */
const SIZE_BITS = 4;
const SIZE_MASK = (1 << SIZE_BITS) - 1;
/** A page holds 16384 slices: few pages, so that finding one costs no more than it must. */
const PAGE_BITS = 14;
/** Two numbers a slice: the instant of its latest admission, and the cost admitted in it. */
export const NUMBERS_PER_SLICE = 2;

export class SliceBlocks {
  readonly #pools: readonly SlicePool[] = SIZES.map(
    (size, sizeIndex) => new SlicePool(size, Math.max(0, PAGE_BITS - sizeIndex)),
  );

  /** A block of the smallest size that holds `slices`; its contents are undefined. */
  allocate(slices: number): number {
    let sizeIndex = 0;
    while (SIZES[sizeIndex]! < slices) sizeIndex++;
    return (this.#pools[sizeIndex]!.allocate() << SIZE_BITS) | sizeIndex;
  }

  free(block: number): void {
    this.pool(block).free(block >>> SIZE_BITS);
  }

  /** The pool that the block belongs to, which knows where it lies. */
  pool(block: number): SlicePool {
    return this.#pools[block & SIZE_MASK]!;
  }
}

/** All blocks of one size. */
export class SlicePool {
  /** How many slices a block holds. */
  readonly size: number;
  readonly #numbersPerBlock: number;
  readonly #blocksPerPageBits: number;
  readonly #blockMask: number;
  readonly #pages: Float64Array[] = [];
  /** Blocks given back form a list through their first number; −1 ends it. */
  #firstFree = -1;
  #used = 0;

  constructor(size: number, blocksPerPageBits: number) {
    this.size = size;
    this.#numbersPerBlock = size * NUMBERS_PER_SLICE;
    this.#blocksPerPageBits = blocksPerPageBits;
    this.#blockMask = (1 << blocksPerPageBits) - 1;
  }

  /** The page that the block lies in. */
  page(block: number): Float64Array {
    return this.#pages[block >>> (SIZE_BITS + this.#blocksPerPageBits)]!;
  }

  /** The index in its page of the block's first number. */
  offset(block: number): number {
    return ((block >>> SIZE_BITS) & this.#blockMask) * this.#numbersPerBlock;
  }

  /** The index of a free block. */
  allocate(): number {
    const free = this.#firstFree;
    if (free >= 0) {
      this.#firstFree = this.page(free << SIZE_BITS)[this.offset(free << SIZE_BITS)]!;
      return free;
    }
    const index = this.#used++;
    if ((index & this.#blockMask) === 0) {
      this.#pages.push(new Float64Array(this.#numbersPerBlock << this.#blocksPerPageBits));
    }
    return index;
  }

  free(index: number): void {
    this.page(index << SIZE_BITS)[this.offset(index << SIZE_BITS)] = this.#firstFree;
    this.#firstFree = index;
  }
}
