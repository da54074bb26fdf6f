/** Block sizes in slices. */
const SIZES: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];
/** A block's number is its index among those of its size, times 16, plus the index of its size. */
const SIZE_BITS = 4;
const SIZE_MASK = (1 << SIZE_BITS) - 1;
/** A page has 16384 slices. Few pages make finding one fast. */
const PAGE_BITS = 14;
/** A slice is the instant of its latest admission, and the cost admitted in it. */
export const NUMBERS_PER_SLICE = 2;
export const COST = 1;

/**
 * Memory for the slices of many sliding windows: blocks of a few fixed sizes, cut from pages of one `Float64Array`
 * each. A page is never copied or moved, so growing never pauses the process. A freed block is used again before a new
 * page is made.
 */
export class SliceBlocks {
  readonly #pools: readonly SlicePool[] = SIZES.map(
    (size, sizeIndex) => new SlicePool(size, Math.max(0, PAGE_BITS - sizeIndex)),
  );

  /** Allocates a block of the smallest size that has room for `slices`. Its contents are undefined. */
  allocate(slices: number): number {
    let sizeIndex = 0;
    while (SIZES[sizeIndex]! < slices) sizeIndex++;
    return (this.#pools[sizeIndex]!.allocate() << SIZE_BITS) | sizeIndex;
  }

  free(block: number): void {
    this.pool(block).free(block >>> SIZE_BITS);
  }

  pool(block: number): SlicePool {
    return this.#pools[block & SIZE_MASK]!;
  }
}

/** All blocks of one size. */
export class SlicePool {
  /** Slices in a block. */
  readonly size: number;
  readonly #numbersPerBlock: number;
  readonly #blocksPerPageBits: number;
  readonly #blockMask: number;
  readonly #pages: Float64Array[] = [];
  /** The first of a list of free blocks, which continues in their first numbers; −1 ends it. */
  #firstFree = -1;
  #used = 0;

  constructor(size: number, blocksPerPageBits: number) {
    this.size = size;
    this.#numbersPerBlock = size * NUMBERS_PER_SLICE;
    this.#blocksPerPageBits = blocksPerPageBits;
    this.#blockMask = (1 << blocksPerPageBits) - 1;
  }

  /** The page of the block. */
  page(block: number): Float64Array {
    return this.#pages[block >>> (SIZE_BITS + this.#blocksPerPageBits)]!;
  }

  /** The index of the block's first number in its page. */
  offset(block: number): number {
    return ((block >>> SIZE_BITS) & this.#blockMask) * this.#numbersPerBlock;
  }

  /** Allocates a block, and returns its index among those of this size. */
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
