import { checkOptions } from '../check.js';
import { entryOf } from '../entry-of.js';
import { optionTypeError } from '../errors.js';
import type { AccountLayer } from './account-source.js';
import {
  type CheckedLayer,
  checkLayer,
  checkLayers,
  checkQuotaList,
  LAYER_OPTIONS,
  type Layer,
  type Layers,
  type QuotaList,
} from './layer.js';
import { type ApplicableLayers, LayerPrecedence } from './layer-precedence.js';
import { type StoreFailureMode, type StoreFailureModes, StoreFailurePlan } from './on-store-failure.js';
import type { Explained, Explanation, Limits, Resolution } from './resolution.js';
import { ResolutionCache } from './resolution-cache.js';

export interface PolicyOptions extends Layer {
  /** The quotas where no more specific layer sets any. Required, so that no request is unlimited by omission. */
  readonly quotas: QuotaList;
  /** Layers by contractual plan. */
  readonly plans?: Layers;
  /** Layers by region. */
  readonly regions?: Layers;
  /** Layers by environment, such as `sandbox`. Quotas from such a layer have a counter of their own. */
  readonly environments?: Layers;
  /** Layers by account. */
  readonly accounts?: Layers;
  /**
   * What decides while the store fails: `'local'` (the default), `'allow'` or `'deny'`, or one of them by category. See
   * `docs/failure.md`.
   */
  readonly onStoreFailure?: StoreFailureMode | StoreFailureModes;
  /**
   * This process's share of every limit while it decides alone: above 0 and at most 1, default 1. With 1/instances, all
   * instances together admit at most the limit, if their load is even.
   */
  readonly localShare?: number;
}

/** The request that a policy is asked about. A `Charge` is one. */
export interface PolicyQuery {
  readonly category: string;
  readonly account?: string | undefined;
  readonly plan?: string | undefined;
  readonly region?: string | undefined;
  readonly environment?: string | undefined;
}

/**
 * Checks a policy and makes it ready to use. The most specific layer that sets an option wins: the account's, then the
 * environment's, then the plan's, then the region's, then the base. Within a layer, its category wins over the layer's
 * own `quotas`. Lists replace each other; they never merge. `total` is looked up in the same order, independently.
 *
 * @throws TypeError `TOLLGATE_OPTION_TYPE` when a value is of the wrong kind, `TOLLGATE_OPTION_UNKNOWN` when an option
 * does not exist.
 * @throws RangeError `TOLLGATE_OPTION_RANGE` when a number is out of range, or a list is empty, has more than 8 quotas,
 * or two with the same window or name.
 *
 * @example
 * const policy = definePolicy({
 *   quotas: [perMinute(100)],
 *   categories: { legs: [perMinute(100), perSecond(20)] },
 *   accounts: { ameyo5m: { categories: { legs: [perMinute(6000)] } } },
 * });
 */
export function definePolicy(options: PolicyOptions): Policy {
  return new Policy(options);
}

/** A checked policy; see {@link definePolicy}. Pure: the same query always has the same answer. */
export class Policy {
  readonly #base: CheckedLayer;
  readonly #accounts: ReadonlyMap<string, CheckedLayer>;
  readonly #environments: ReadonlyMap<string, CheckedLayer>;
  readonly #plans: ReadonlyMap<string, CheckedLayer>;
  readonly #regions: ReadonlyMap<string, CheckedLayer>;
  /** Whether the base is the only layer. */
  readonly #isFlat: boolean;
  readonly #storeFailure: StoreFailurePlan;
  readonly #cache = new ResolutionCache(MAX_CACHED);
  /** Caches for layers that come from an `AccountSource`. */
  readonly #cachesBySourceLayer = new WeakMap<AccountLayer, ResolutionCache>();

  constructor(options: PolicyOptions) {
    checkOptions('policy', options, POLICY_OPTIONS);
    const { accounts, environments, plans, regions, onStoreFailure, localShare, ...base } = options;
    checkQuotaList('policy.quotas', base.quotas);
    this.#base = checkLayer('policy', base);
    this.#accounts = checkLayers('policy.accounts', accounts);
    this.#environments = checkLayers('policy.environments', environments);
    this.#plans = checkLayers('policy.plans', plans);
    this.#regions = checkLayers('policy.regions', regions);
    this.#isFlat = [this.#accounts, this.#environments, this.#plans, this.#regions].every(({ size }) => size === 0);
    this.#storeFailure = new StoreFailurePlan('policy', onStoreFailure, localShare);
  }

  /**
   * The counters and quotas that apply. Names without a layer, hostile ones included, change nothing. `sourceLayer`
   * comes from an `AccountSource`; it is more specific than every layer of the policy.
   *
   * @throws TypeError `TOLLGATE_OPTION_TYPE` unless `query.category` is a string.
   */
  resolve(query: PolicyQuery, sourceLayer?: AccountLayer): Resolution {
    const { category } = query;
    const cache = sourceLayer === undefined ? this.#cache : this.#cacheOf(sourceLayer);
    const layers = this.#isFlat ? 0 : this.#cacheKey(query);
    const cached = cache.get(category, layers);
    if (cached !== undefined) return cached;
    const limits = new LayerPrecedence(this.#layersFor(query, sourceLayer), category).limits();
    const resolution = this.#complete(limits, category);
    cache.add(category, layers, resolution);
    return resolution;
  }

  /** The values that {@link resolve} finds, each with the place in the policy that it comes from. */
  explain(query: PolicyQuery, sourceLayer?: AccountLayer): Explanation {
    const { category } = query;
    const winners = new LayerPrecedence(this.#layersFor(query, sourceLayer), category);
    return {
      quotas: shown(winners.quotas),
      total: shown(winners.total),
      throttle: shown(winners.throttle),
      totalThrottle: shown(winners.totalThrottle),
      mode: shown(winners.mode),
      onStoreFailure: this.#storeFailure.modeOf(category),
      counters: winners.limits().counters.map(({ name }) => name),
    };
  }

  /**
   * The name of the counter for the query's category. It does not depend on plan and region: an environment has a
   * counter of its own where its layer wins, and only layers of the account are more specific.
   */
  counterOf(query: PolicyQuery, sourceLayer?: AccountLayer): string {
    const { source, account, environment } = this.#layersFor(query, sourceLayer);
    return new LayerPrecedence({ source, account, environment }, query.category).categoryCounter;
  }

  /** Whether any layer of the policy has a throttle. */
  get throttles(): boolean {
    return this.#allLayers().some((layer) => [layer, ...layer.categories.values()].some(({ throttle }) => throttle));
  }

  /** Whether any layer of the policy has categories of its own. */
  get hasCategories(): boolean {
    return this.#allLayers().some(({ categories }) => categories.size > 0);
  }

  #allLayers(): readonly CheckedLayer[] {
    const named = [this.#accounts, this.#environments, this.#plans, this.#regions];
    return [this.#base, ...named.flatMap((layersByName) => [...layersByName.values()])];
  }

  #layersFor(query: PolicyQuery, source: AccountLayer | undefined): ApplicableLayers {
    if (typeof query.category !== 'string') throw optionTypeError('query.category', 'a string', query.category);
    return {
      source,
      account: layerOf(this.#accounts, query.account),
      environment: layerOf(this.#environments, query.environment),
      plan: layerOf(this.#plans, query.plan),
      region: layerOf(this.#regions, query.region),
      base: this.#base,
    };
  }

  /** One number for the combination of named layers that apply. */
  #cacheKey({ account, environment, plan, region }: PolicyQuery): number {
    let key = layerOf(this.#accounts, account)?.ordinal ?? 0;
    key = key * (this.#environments.size + 1) + (layerOf(this.#environments, environment)?.ordinal ?? 0);
    key = key * (this.#plans.size + 1) + (layerOf(this.#plans, plan)?.ordinal ?? 0);
    return key * (this.#regions.size + 1) + (layerOf(this.#regions, region)?.ordinal ?? 0);
  }

  #complete(limits: Limits, category: string): Resolution {
    const counters = this.#storeFailure.localCounters(limits.counters);
    const quotas = limits.quotas.map((quota) => ({ ...quota, limit: this.#storeFailure.localLimit(quota.limit) }));
    const local = counters === limits.counters ? limits : { ...limits, counters, quotas };
    return { ...limits, onStoreFailure: this.#storeFailure.modeOf(category), local };
  }

  #cacheOf(sourceLayer: AccountLayer): ResolutionCache {
    return entryOf(this.#cachesBySourceLayer, sourceLayer, () => new ResolutionCache(MAX_CACHED_PER_SOURCE_LAYER));
  }
}

const POLICY_OPTIONS: readonly string[] = [
  ...LAYER_OPTIONS,
  'accounts',
  'environments',
  'plans',
  'regions',
  'onStoreFailure',
  'localShare',
];
const MAX_CACHED = 16_384;
const MAX_CACHED_PER_SOURCE_LAYER = 64;

/** The layer of that name. An empty map is not asked: hashing a long name takes time. */
function layerOf(layers: ReadonlyMap<string, CheckedLayer>, name: string | undefined): CheckedLayer | undefined {
  return name === undefined || layers.size === 0 ? undefined : layers.get(name);
}

function shown<T>({ value, from }: Explained<T>): Explained<T> {
  return { value, from };
}
