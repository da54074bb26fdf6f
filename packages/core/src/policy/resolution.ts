import { showName } from '../errors.js';
import type { CounterSpec, Quota, Throttle } from '../store/index.js';
import type { CheckedLayer, Mode } from './layer.js';
import type { StoreFailureMode } from './on-store-failure.js';

/** A quota that applies to a request, under the name by which its decision shows it. */
export interface AppliedQuota {
  readonly name: string;
  readonly scope: 'category' | 'total';
  readonly limit: number;
  readonly windowMs: number;
}

/** Which limits hold, and where they are counted. */
export interface Limits {
  /** The counters to charge: the category's and the account's total, less those without limits. */
  readonly counters: readonly CounterSpec[];
  /** All quotas of all counters, in the order of the counters. */
  readonly quotas: readonly AppliedQuota[];
  /** With `'observe'`, no one is refused. */
  readonly mode: Mode;
}

/** What applies to a request: immutable, and the same object for every request to which the same applies. */
export interface Resolution extends Limits {
  /** What decides while the store fails. */
  readonly onStoreFailure: StoreFailureMode;
  /** What holds where this process decides by itself: the same counters with the limits of its share. */
  readonly local: Limits;
}

/** A part of what applies, and where in the policy it was said, as errors would call the place. */
export interface Explained<T> {
  readonly value: T;
  /** Such as `policy.plans.enterprise.categories.legs`; `undefined` where nothing was said, and the default holds. */
  readonly from: string | undefined;
}

/** What applies to a request, and why. An empty list of quotas stands for `'unlimited'`. */
export interface Explanation {
  readonly quotas: Explained<readonly Quota[]>;
  readonly total: Explained<readonly Quota[]>;
  /** Of the category's counter. */
  readonly throttle: Explained<Throttle | undefined>;
  /** Of the total's counter. */
  readonly totalThrottle: Explained<Throttle | undefined>;
  readonly mode: Explained<Mode>;
  readonly onStoreFailure: StoreFailureMode;
  /** The names of the counters that are charged. */
  readonly counters: readonly string[];
}

type Found<T> = Explained<T> & { readonly layer: CheckedLayer | undefined };

/** What the layers say of a category; `layers` are those that speak, the most specific first. */
export class Said {
  readonly quotas: Found<readonly Quota[]>;
  readonly total: Found<readonly Quota[]>;
  readonly throttle: Found<Throttle | undefined>;
  readonly totalThrottle: Found<Throttle | undefined>;
  readonly mode: Found<Mode>;
  readonly #category: string;
  readonly #environment: CheckedLayer | undefined;

  constructor(layers: readonly CheckedLayer[], category: string, environment: CheckedLayer | undefined) {
    this.#category = category;
    this.#environment = environment;
    this.quotas = find<readonly Quota[]>(layers, category, 'quotas', []);
    this.throttle = orNone(find<Throttle | false>(layers, category, 'throttle', false));
    this.totalThrottle = orNone(find<Throttle | false>(layers, undefined, 'throttle', false));
    this.mode = find<Mode>(layers, category, 'mode', 'enforce');
    const ofTotal = layers.find(({ total }) => total !== undefined);
    this.total = { value: ofTotal?.total ?? [], from: ofTotal && `${ofTotal.path}.total`, layer: ofTotal };
  }

  limits(): Limits {
    const counters: CounterSpec[] = [];
    const quotas: AppliedQuota[] = [];
    const add = (
      scope: AppliedQuota['scope'],
      own: string,
      said: Found<readonly Quota[]>,
      throttle: Throttle | undefined,
    ) => {
      if (said.value.length === 0) return;
      const name = nameOfCounter(own, said.layer, this.#environment);
      counters.push({ name, quotas: said.value, ...(throttle && { throttle }) });
      for (const { name, limit, windowMs } of said.value) {
        let shown = name;
        while (quotas.some((other) => other.name === shown)) shown = `total-${shown}`;
        quotas.push({ name: shown, scope, limit, windowMs });
      }
    };
    add('category', escapeName(this.#category), this.quotas, this.throttle.value);
    add('total', '*', this.total, this.totalThrottle.value);
    return { counters, quotas, mode: this.mode.value };
  }

  /** The name of the category's counter, whether or not anything is counted there. */
  counterName(): string {
    return nameOfCounter(escapeName(this.#category), this.quotas.layer, this.#environment);
  }
}

/** The most specific word on an option: within a layer its category's, then its own. */
function find<T>(
  layers: readonly CheckedLayer[],
  category: string | undefined,
  option: 'quotas' | 'throttle' | 'mode',
  fallback: T,
): Found<T> {
  for (const layer of layers) {
    const ofCategory = category === undefined ? undefined : layer.categories.get(category);
    if (ofCategory?.[option] !== undefined) {
      const entry = `${layer.path}.categories.${showName(category ?? '')}`;
      return { value: ofCategory[option] as T, from: ofCategory.isList ? entry : `${entry}.${option}`, layer };
    }
    if (layer[option] !== undefined) return { value: layer[option] as T, from: `${layer.path}.${option}`, layer };
  }
  return { value: fallback, from: undefined, layer: undefined };
}

function orNone({ value, ...found }: Found<Throttle | false>): Found<Throttle | undefined> {
  return { ...found, value: value === false ? undefined : value };
}

/** The environments share a counter, unless it is an environment's own layer that decides. */
function nameOfCounter(own: string, deciding: CheckedLayer | undefined, environment: CheckedLayer | undefined): string {
  return deciding !== undefined && deciding === environment ? `${escapeName(deciding.name)}/${own}` : own;
}

/** Keeps the marks of counter names, `/` and `*`, out of the names of categories and environments. */
function escapeName(name: string): string {
  return name.replace(/[%/*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
}

/**
 * Resolutions by category and by the layers that speak. Categories may come from requests, so what is remembered is
 * bounded: past the bound it is begun anew.
 */
export class ResolutionCache {
  readonly #maxEntries: number;
  /** Of categories where only the base speaks, as in most policies it does for nearly everyone. */
  readonly #ofBase = new Map<string, Resolution>();
  readonly #byCategory = new Map<string, Map<number, Resolution>>();
  /** Of the base, the one that was last found: the next request is likely of the same. */
  #latestCategory: string | undefined;
  #latest: Resolution | undefined;
  #entries = 0;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get(category: string, layers: number): Resolution | undefined {
    if (layers !== 0) return this.#byCategory.get(category)?.get(layers);
    if (category === this.#latestCategory) return this.#latest;
    const known = this.#ofBase.get(category);
    if (known !== undefined) {
      this.#latestCategory = category;
      this.#latest = known;
    }
    return known;
  }

  add(category: string, layers: number, resolution: Resolution): void {
    if (category.length > LONGEST_CACHED) return;
    if (this.#entries >= this.#maxEntries) {
      this.#ofBase.clear();
      this.#byCategory.clear();
      this.#entries = 0;
    }
    this.#entries++;
    if (layers === 0) {
      this.#ofBase.set(category, resolution);
      return;
    }
    let byLayers = this.#byCategory.get(category);
    if (byLayers === undefined) {
      byLayers = new Map();
      this.#byCategory.set(category, byLayers);
    }
    byLayers.set(layers, resolution);
  }
}

const LONGEST_CACHED = 128;
