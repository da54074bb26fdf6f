/**
 * A map from string to a number from 0 up that grows without a pause. A JavaScript `Map` copies itself whole each time it
 * outgrows its table, 100 ms at a million keys; this one is many small Maps, and grows by splitting one of them in two
 * (linear hashing: Litwin, VLDB 1980).
 */
export class KeyMap {
  readonly #shards: Map<string, number>[] = [new Map()];
  /** The largest power of two that is at most the number of shards, less one. */
  #mask = 0;
  #size = 0;
  readonly #seed: number;

  /** `seed` is any 32-bit integer that whoever chooses the keys cannot know: without it, they could fill one shard alone. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  get size(): number {
    return this.#size;
  }

  /** The key's number, or −1. */
  get(key: string): number {
    return this.#shardOf(key).get(key) ?? -1;
  }

  /** The key must not be in the map. */
  add(key: string, value: number): void {
    this.#shardOf(key).set(key, value);
    this.#size++;
    if (this.#size > this.#shards.length * SHARD_SIZE) this.#split();
  }

  /** The key must be in the map. */
  delete(key: string): void {
    this.#shardOf(key).delete(key);
    this.#size--;
  }

  #shardOf(key: string): Map<string, number> {
    return this.#shards.length === 1 ? this.#shards[0]! : this.#shards[this.#indexOf(key)]!;
  }

  #indexOf(key: string): number {
    const hash = hashOf(key, this.#seed);
    const index = hash & this.#mask;
    const finer = hash & (2 * this.#mask + 1);
    return finer < this.#shards.length ? finer : index;
  }

  #split(): void {
    if (this.#shards.length === 2 * (this.#mask + 1)) this.#mask = 2 * this.#mask + 1;
    const index = this.#shards.length - this.#mask - 1;
    const old = this.#shards[index]!;
    const stay = new Map<string, number>();
    const move = new Map<string, number>();
    this.#shards.push(move);
    for (const [key, value] of old) (this.#indexOf(key) === index ? stay : move).set(key, value);
    this.#shards[index] = stay;
  }
}

/** Keys per shard, on average: few enough that one split takes well under a millisecond. */
const SHARD_SIZE = 2048;

/** Every character counts: one that did not could be used to send all keys to one shard. */
export function hashOf(key: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}
