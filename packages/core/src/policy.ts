import { checkOptions } from './check.js';
import {
  type CheckedLayer,
  checkLayer,
  checkLayers,
  checkQuotaList,
  LAYER_OPTIONS,
  type Layer,
  type Layers,
  type QuotaList,
} from './policy-layer.js';
import type { Quota } from './quota.js';
import type { CounterSpec } from './store.js';
import { type StoreFailureMode, type StoreFailureModes, StoreFailurePlan } from './store-failure.js';

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
}

/** What applies to a request: immutable, and the same object for every request to which the same applies. */
export interface Resolution extends Limits {
  /** What decides while the store fails. */
  readonly onStoreFailure: StoreFailureMode;
  /** What holds where this process decides by itself: the same counters with the limits of its share. */
  readonly local: Limits;
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
  /** By category, then by the layers that speak. */
  readonly #cache = new Map<string, Map<number, Resolution>>();
  #cached = 0;

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

  /** Which counters and quotas apply. Names that the policy does not know, hostile ones included, decide nothing. */
  resolve(category: string, account?: string, plan?: string, region?: string, environment?: string): Resolution {
    const ofAccount = account === undefined ? undefined : this.#accounts.get(account);
    const ofEnvironment = environment === undefined ? undefined : this.#environments.get(environment);
    const ofPlan = plan === undefined ? undefined : this.#plans.get(plan);
    const ofRegion = region === undefined ? undefined : this.#regions.get(region);

    let key = ofAccount?.ordinal ?? 0;
    key = key * (this.#environments.size + 1) + (ofEnvironment?.ordinal ?? 0);
    key = key * (this.#plans.size + 1) + (ofPlan?.ordinal ?? 0);
    key = key * (this.#regions.size + 1) + (ofRegion?.ordinal ?? 0);

    const known = this.#cache.get(category)?.get(key);
    if (known !== undefined) return known;
    const layers = [ofAccount, ofEnvironment, ofPlan, ofRegion, this.#base].filter((layer) => layer !== undefined);
    const resolution = this.#complete(resolveLayers(layers, category, ofEnvironment), category);
    if (category.length <= LONGEST_CACHED) this.#remember(category, key, resolution);
    return resolution;
  }

  /**
   * The name of the counter that takes the category's charges, whatever their plan and region: an environment has a counter
   * of its own where its layer decides, and only the account's layer is more specific.
   */
  counterName(category: string, account?: string, environment?: string): string {
    const ofAccount = account === undefined ? undefined : this.#accounts.get(account);
    const ofEnvironment = environment === undefined ? undefined : this.#environments.get(environment);
    const layers = [ofAccount, ofEnvironment].filter((layer) => layer !== undefined);
    const deciding = layers.find((layer) => listOf(layer, category) !== undefined);
    return nameOfCounter(escapeName(category), deciding, ofEnvironment);
  }

  #complete(limits: Limits, category: string): Resolution {
    const counters = this.#storeFailure.localCounters(limits.counters);
    const quotas = limits.quotas.map((quota) => ({ ...quota, limit: this.#storeFailure.localLimit(quota.limit) }));
    const local = counters === limits.counters ? limits : { counters, quotas };
    return { ...limits, onStoreFailure: this.#storeFailure.modeOf(category), local };
  }

  /** Categories may come from requests, so what is remembered is bounded: past the bound it is begun anew. */
  #remember(category: string, key: number, resolution: Resolution): void {
    if (this.#cached >= MAX_CACHED) {
      this.#cache.clear();
      this.#cached = 0;
    }
    let byLayers = this.#cache.get(category);
    if (byLayers === undefined) {
      byLayers = new Map();
      this.#cache.set(category, byLayers);
    }
    byLayers.set(key, resolution);
    this.#cached++;
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
const LONGEST_CACHED = 128;

/** `layers` are those that speak, the most specific first. */
function resolveLayers(
  layers: readonly CheckedLayer[],
  category: string,
  environment: CheckedLayer | undefined,
): Limits {
  const counters: CounterSpec[] = [];
  const applied: AppliedQuota[] = [];
  const add = (scope: AppliedQuota['scope'], layer: CheckedLayer | undefined, quotas: readonly Quota[] = []) => {
    if (quotas.length === 0) return;
    const own = scope === 'total' ? '*' : escapeName(category);
    counters.push({ name: nameOfCounter(own, layer, environment), quotas });
    for (const { name, limit, windowMs } of quotas) {
      let shown = name;
      while (applied.some((other) => other.name === shown)) shown = `total-${shown}`;
      applied.push({ name: shown, scope, limit, windowMs });
    }
  };

  const ofCategory = layers.find((layer) => listOf(layer, category) !== undefined);
  add('category', ofCategory, ofCategory && listOf(ofCategory, category));
  const ofTotal = layers.find((layer) => layer.total !== undefined);
  add('total', ofTotal, ofTotal?.total);
  return { counters, quotas: applied };
}

function listOf(layer: CheckedLayer, category: string): readonly Quota[] | undefined {
  return layer.categories.get(category) ?? layer.quotas;
}

/** The environments share a counter, unless it is an environment's own layer that decides. */
function nameOfCounter(own: string, deciding: CheckedLayer | undefined, environment: CheckedLayer | undefined): string {
  return deciding !== undefined && deciding === environment ? `${escapeName(deciding.name)}/${own}` : own;
}

/** Keeps the marks of counter names, `/` and `*`, out of the names of categories and environments. */
function escapeName(name: string): string {
  return name.replace(/[%/*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
}
