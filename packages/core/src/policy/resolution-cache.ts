import { entryOf } from '../entry-of.js';
import type { AccountLayer } from './account-source.js';
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

/**
 * The resolutions of one policy for one limiter, or for its candidate. The names of their counters begin with `prefix`.
 */
export class Resolutions {
  readonly prefix: string;
  readonly #cache = new ResolutionCache(MAX_CACHED);
  /** For layers that come from an `AccountSource`. */
  readonly #bySourceLayer = new WeakMap<AccountLayer, ResolutionCache>();

  constructor(prefix = '') {
    this.prefix = prefix;
  }

  cacheOf(sourceLayer: AccountLayer | undefined): ResolutionCache {
    if (sourceLayer === undefined) return this.#cache;
    return entryOf(this.#bySourceLayer, sourceLayer, () => new ResolutionCache(MAX_CACHED_PER_SOURCE_LAYER));
  }
}

const MAX_CACHED = 16_384;
const MAX_CACHED_PER_SOURCE_LAYER = 64;
const LONGEST_CACHED = 128;
