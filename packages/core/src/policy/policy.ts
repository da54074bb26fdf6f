import { checkOptions } from '../check.js';
import type { AccountLayer } from './account-layer.js';
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
import { type StoreFailureMode, type StoreFailureModes, StoreFailurePlan } from './on-store-failure.js';
import { type Explanation, type Limits, type Resolution, ResolutionCache, Said } from './resolution.js';

export interface PolicyOptions extends Layer {
  /** What holds where nothing more specific speaks. Required, so that no request is unlimited by omission. */
  readonly quotas: QuotaList;
  /** By contractual plan. */
  readonly plans?: Layers;
  /** By region. */
  readonly regions?: Layers;
  /** By environment, such as `sandbox`. What a layer here decides is counted apart from the other environments. */
  readonly environments?: Layers;
  /** Provisioned for one account. */
  readonly accounts?: Layers;
  /**
   * What decides while the store fails: `'local'` (the default), `'allow'` or `'deny'`, or one of them by category. See
   * `docs/failure.md`.
   */
  readonly onStoreFailure?: StoreFailureMode | StoreFailureModes;
  /**
   * This process's part of every limit while it decides by itself: above 0 and at most 1, default 1. With 1/instances, all
   * instances together admit no more than the limit, as long as their load is even.
   */
  readonly localShare?: number;
}

/**
 * Checks a policy and makes it ready to use. The most specific layer that speaks wins: the account's, then the
 * environment's, then the plan's, then the region's, then the base; within a layer its category's list, then its
 * `quotas`. Lists replace each other, they never merge. `total` is decided in the same order, by itself.
 *
 * @throws TypeError `TOLLGATE_OPTION_TYPE` when a value is of the wrong kind, `TOLLGATE_OPTION_UNKNOWN` when an option
 * does not exist.
 * @throws RangeError `TOLLGATE_OPTION_RANGE` when a number is out of range, or a list is empty, has more than 8 quotas, or
 * two with the same window or name.
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

/** A checked policy; see {@link definePolicy}. Pure: the same question always has the same answer. */
export class Policy {
  readonly #base: CheckedLayer;
  readonly #accounts: ReadonlyMap<string, CheckedLayer>;
  readonly #environments: ReadonlyMap<string, CheckedLayer>;
  readonly #plans: ReadonlyMap<string, CheckedLayer>;
  readonly #regions: ReadonlyMap<string, CheckedLayer>;
  readonly #storeFailure: StoreFailurePlan;
  readonly #cache = new ResolutionCache(MAX_CACHED);
  /** By the layer of an account that is not the policy's own. */
  readonly #heldCaches = new WeakMap<AccountLayer, ResolutionCache>();

  constructor(options: PolicyOptions) {
    checkOptions('policy', options, POLICY_OPTIONS);
    const { accounts, environments, plans, regions, onStoreFailure, localShare, ...base } = options;
    checkQuotaList('policy.quotas', base.quotas);
    this.#base = checkLayer('policy', base);
    this.#accounts = checkLayers('policy.accounts', accounts);
    this.#environments = checkLayers('policy.environments', environments);
    this.#plans = checkLayers('policy.plans', plans);
    this.#regions = checkLayers('policy.regions', regions);
    this.#storeFailure = new StoreFailurePlan('policy', onStoreFailure, localShare);
  }

  /**
   * Which counters and quotas apply. Names that the policy does not know, hostile ones included, decide nothing. `held` is
   * what an `AccountSource` says of the account, and comes before all else.
   */
  resolve(
    category: string,
    account?: string,
    plan?: string,
    region?: string,
    environment?: string,
    held?: AccountLayer,
  ): Resolution {
    const ofAccount = layerOf(this.#accounts, account);
    const ofEnvironment = layerOf(this.#environments, environment);
    const ofPlan = layerOf(this.#plans, plan);
    const ofRegion = layerOf(this.#regions, region);

    let key = ofAccount?.ordinal ?? 0;
    key = key * (this.#environments.size + 1) + (ofEnvironment?.ordinal ?? 0);
    key = key * (this.#plans.size + 1) + (ofPlan?.ordinal ?? 0);
    key = key * (this.#regions.size + 1) + (ofRegion?.ordinal ?? 0);

    const cache = held === undefined ? this.#cache : this.#heldCache(held);
    const known = cache.get(category, key);
    if (known !== undefined) return known;
    const limits = new Said(
      speaking(held, ofAccount, ofEnvironment, ofPlan, ofRegion, this.#base),
      category,
      ofEnvironment,
    ).limits();
    const resolution = this.#complete(limits, category);
    cache.add(category, key, resolution);
    return resolution;
  }

  /** Whether any layer of the policy throttles. */
  get throttles(): boolean {
    const layers = [this.#accounts, this.#environments, this.#plans, this.#regions].flatMap((layers) => [
      ...layers.values(),
    ]);
    return [this.#base, ...layers].some((layer) =>
      [layer, ...layer.categories.values()].some(({ throttle }) => throttle),
    );
  }

  /** What {@link resolve} finds, and where in the policy each part of it was said. */
  explain(
    category: string,
    account?: string,
    plan?: string,
    region?: string,
    environment?: string,
    held?: AccountLayer,
  ): Explanation {
    const ofEnvironment = this.#environments.get(environment ?? '');
    const said = new Said(
      speaking(
        held,
        this.#accounts.get(account ?? ''),
        ofEnvironment,
        this.#plans.get(plan ?? ''),
        this.#regions.get(region ?? ''),
        this.#base,
      ),
      category,
      ofEnvironment,
    );
    const shown = <T>({ value, from }: { readonly value: T; readonly from: string | undefined }) => ({ value, from });
    return {
      quotas: shown(said.quotas),
      total: shown(said.total),
      throttle: shown(said.throttle),
      totalThrottle: shown(said.totalThrottle),
      mode: shown(said.mode),
      onStoreFailure: this.#storeFailure.modeOf(category),
      counters: said.limits().counters.map(({ name }) => name),
    };
  }

  /**
   * The name of the counter that takes the category's charges, whatever their plan and region: an environment has a counter
   * of its own where its layer decides, and only the account's layers are more specific.
   */
  counterName(category: string, account?: string, environment?: string, held?: AccountLayer): string {
    const ofEnvironment = this.#environments.get(environment ?? '');
    const layers = speaking(held, this.#accounts.get(account ?? ''), ofEnvironment);
    return new Said(layers, category, ofEnvironment).counterName();
  }

  #complete(limits: Limits, category: string): Resolution {
    const counters = this.#storeFailure.localCounters(limits.counters);
    const quotas = limits.quotas.map((quota) => ({ ...quota, limit: this.#storeFailure.localLimit(quota.limit) }));
    const local = counters === limits.counters ? limits : { ...limits, counters, quotas };
    return { ...limits, onStoreFailure: this.#storeFailure.modeOf(category), local };
  }

  #heldCache(held: AccountLayer): ResolutionCache {
    let cache = this.#heldCaches.get(held);
    if (cache === undefined) {
      cache = new ResolutionCache(MAX_CACHED_PER_HELD);
      this.#heldCaches.set(held, cache);
    }
    return cache;
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
const MAX_CACHED_PER_HELD = 64;

/** The layer of that name. Of none at all, the name is not even looked at, which for a long one takes its time. */
function layerOf(layers: ReadonlyMap<string, CheckedLayer>, name: string | undefined): CheckedLayer | undefined {
  return name === undefined || layers.size === 0 ? undefined : layers.get(name);
}

/** The layers that there are, the most specific first, as they were given. */
function speaking(...layers: readonly (CheckedLayer | undefined)[]): CheckedLayer[] {
  return layers.filter((layer) => layer !== undefined);
}
