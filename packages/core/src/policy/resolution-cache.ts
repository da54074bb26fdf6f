import { entryOf } from '../entry-of.js';
import type { Resolution } from './resolution.js';

/**
 * Resolutions by category and by a number that stands for the named layers which apply; 0 stands for none. Categories
 * may come from requests, so the cache is bounded: when it is full, it starts anew.
 */
export class ResolutionCache {
  readonly #maxEntries: number;
  /** The usual case, where no named layer applies. */
  readonly #withoutLayers = new Map<string, Resolution>();
  readonly #byCategory = new Map<string, Map<number, Resolution>>();
  /** The most recent hit of the usual case: the next request is likely of the same category. */
  #latestCategory: string | undefined;
  #latest: Resolution | undefined;
  #entries = 0;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get(category: string, layers: number): Resolution | undefined {
    if (layers !== 0) return this.#byCategory.get(category)?.get(layers);
    if (category === this.#latestCategory) return this.#latest;
    const cached = this.#withoutLayers.get(category);
    if (cached !== undefined) {
      this.#latestCategory = category;
      this.#latest = cached;
    }
    return cached;
  }

  add(category: string, layers: number, resolution: Resolution): void {
    if (category.length > LONGEST_CACHED) return;
    if (this.#entries >= this.#maxEntries) {
      this.#withoutLayers.clear();
      this.#byCategory.clear();
      this.#entries = 0;
    }
    this.#entries++;
    if (layers === 0) this.#withoutLayers.set(category, resolution);
    else entryOf(this.#byCategory, category, () => new Map<number, Resolution>()).set(layers, resolution);
  }
}

const LONGEST_CACHED = 128;
