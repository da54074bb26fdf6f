import { ownCopy } from '../bounded-name.js';
import { checkOptions } from '../check.js';
import { optionTypeError, showName } from '../errors.js';
import type { CounterSpec } from '../store/index.js';
import type { AccountLayer } from './account-source.js';
import {
  type CheckedLayer,
  checkLayer,
  checkLayers,
  checkQuotaList,
  type LayerLimits,
  type Layers,
  LIMIT_OPTIONS,
  type QuotaList,
} from './layer.js';
import { type ApplicableLayers, LayerPrecedence } from './layer-precedence.js';
import {
  type KnownNames,
  type LayersByKind,
  type NamedOptions,
  type NameKind,
  type NamesOf,
  NameTable,
  type PolicyNames,
} from './names.js';
import { type StoreFailureMode, type StoreFailureModes, StoreFailurePlan } from './on-store-failure.js';
import { type RemovedLimit, removedLimits } from './removed-limits.js';
import type { Explained, Explanation, Limits, Resolution } from './resolution.js';
import { Resolutions } from './resolution-cache.js';

export interface PolicyOptions extends LayerLimits {
  /** The quotas where no more specific layer sets any. Required, so that no request is unlimited by omission. */
  readonly quotas: QuotaList;
  /** Layers by contractual plan. */
  readonly plans?: Layers;
  /** Layers by region. */
  readonly regions?: Layers;
  /** Layers by environment, such as `sandbox`. Quotas from such a layer have a counter of their own. */
  readonly environments?: Layers;
  /** Layers by account. Their categories are checked: see `known`. */
  readonly accounts?: Layers;
  /**
   * Names without a layer. With those that have one, they are the names of the policy, and other names are mistakes: as
   * a constant an error, from a request a warning. A kind without any name is not checked. With `categories`, layers
   * set limits of these categories and the policy's own alone.
   */
  readonly known?: KnownNames;
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

/** The names of a policy in lists; empty where it has none of a kind, so that every name is accepted. */
export interface NameLists<Names extends PolicyNames = PolicyNames> {
  readonly categories: readonly Names['category'][];
  readonly plans: readonly Names['plan'][];
  readonly regions: readonly Names['region'][];
  readonly environments: readonly Names['environment'][];
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
 * The names in the options become types, so that a limiter with the policy accepts no other category. For names that
 * are known only at run time, call it `Policy`: `const policy: Policy = definePolicy(…)`.
 *
 * @throws TypeError `TOLLGATE_OPTION_TYPE` when a value is of the wrong kind, `TOLLGATE_OPTION_UNKNOWN` when an option
 * does not exist.
 * @throws RangeError `TOLLGATE_OPTION_RANGE` when a number is out of range, or a list is empty, has more than 8 quotas,
 * or two with the same window or name; and when a category is not one of the policy: of `onStoreFailure`, of an
 * account's layer, or of any layer where `known` lists the categories.
 *
 * @example
 * const policy = definePolicy({
 *   quotas: [perMinute(100)],
 *   categories: { legs: [perMinute(100), perSecond(20)] },
 *   accounts: { ameyo5m: { categories: { legs: [perMinute(6000)] } } },
 * });
 */
export function definePolicy<
  Category extends string = never,
  Plan extends string = never,
  Region extends string = never,
  Environment extends string = never,
  const Known extends KnownNames = Record<never, never>,
>(
  options: PolicyOptions & NamedOptions<Category, Plan, Region, Environment, Known>,
): Policy<{
  category: NamesOf<Category, Known['categories']>;
  plan: NamesOf<Plan, Known['plans']>;
  region: NamesOf<Region, Known['regions']>;
  environment: NamesOf<Environment, Known['environments']>;
}> {
  return new Policy(options);
}

/**
 * A checked policy; see {@link definePolicy}. The same query always has the same answer. Names that the policy does not
 * have are reported once.
 */
export class Policy<Names extends PolicyNames = PolicyNames> {
  /** The first limit that each layer without `replace: true` removes. A limiter with the policy warns of them. */
  readonly removedLimits: readonly RemovedLimit[];
  readonly #base: CheckedLayer;
  readonly #accounts: NamedLayers;
  readonly #environments: NamedLayers;
  readonly #plans: NamedLayers;
  readonly #regions: NamedLayers;
  /** Whether no name but the category makes a difference. */
  readonly #isFlat: boolean;
  readonly #names: NameTable;
  readonly #storeFailure: StoreFailurePlan;
  readonly #resolutions = new Resolutions();

  constructor(options: PolicyOptions) {
    checkOptions('policy', options, POLICY_OPTIONS);
    const { accounts, environments, plans, regions, known, onStoreFailure, localShare, ...base } = options;
    checkQuotaList('policy.quotas', base.quotas);
    const layers: LayersByKind = {
      base: checkLayer('policy', base),
      accounts: checkLayers('policy.accounts', accounts),
      environments: checkLayers('policy.environments', environments),
      plans: checkLayers('policy.plans', plans),
      regions: checkLayers('policy.regions', regions),
    };
    this.#names = new NameTable('policy', known, layers);
    this.#base = layers.base;
    this.#accounts = new NamedLayers(layers.accounts);
    this.#environments = new NamedLayers(layers.environments, this.#names.of('environment'));
    this.#plans = new NamedLayers(layers.plans, this.#names.of('plan'));
    this.#regions = new NamedLayers(layers.regions, this.#names.of('region'));
    this.#isFlat = [this.#accounts, this.#environments, this.#plans, this.#regions].every(({ isEmpty }) => isEmpty);
    this.#storeFailure = new StoreFailurePlan('policy', onStoreFailure, localShare);
    for (const category of this.#storeFailure.categories) {
      this.#names.check('category', category, `policy.onStoreFailure.categories.${showName(category)}`);
    }
    this.removedLimits = removedLimits(layers);
  }

  /** The names that the policy has: of its layers, and those of `known`. */
  get known(): NameLists<Names> {
    return {
      categories: [...this.#names.of('category')],
      plans: [...this.#names.of('plan')],
      regions: [...this.#names.of('region')],
      environments: [...this.#names.of('environment')],
    };
  }

  /**
   * Checks a name that a program writes as a constant; `option` is its place in the error. Every name is accepted of a
   * kind of which the policy has no name.
   *
   * @throws RangeError `TOLLGATE_OPTION_RANGE` for another name than those of {@link known}; the error proposes the
   * nearest one.
   */
  checkName(kind: NameKind, name: string, option: string): void {
    this.#names.check(kind, name, option);
  }

  /**
   * The counters and quotas that apply. Names without a layer, hostile ones included, change nothing. `sourceLayer`
   * comes from an `AccountSource`; it is more specific than every layer of the policy. A limiter with counters of its
   * own passes its `resolutions` of this policy.
   *
   * @throws TypeError `TOLLGATE_OPTION_TYPE` unless `query.category` is a string.
   */
  resolve(query: PolicyQuery, sourceLayer?: AccountLayer, resolutions: Resolutions = this.#resolutions): Resolution {
    const { category } = query;
    const cache = resolutions.cacheOf(sourceLayer);
    const layers = this.#isFlat ? 0 : this.#cacheKey(query);
    const cached = cache.get(category, layers);
    if (cached !== undefined) return cached;
    this.#names.report(query);
    if (sourceLayer !== undefined) this.#names.reportLayer(sourceLayer);
    // A category may be cut out of a URL, which the cache must not keep.
    const kept = ownCopy(category);
    const limits = new LayerPrecedence(this.#layersFor(query, sourceLayer), kept).limits();
    const resolution = this.#complete(limits, kept, resolutions.prefix);
    cache.add(kept, layers, resolution);
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
    this.#names.report(query);
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
    return [this.#base, ...named.flatMap(({ all }) => all)];
  }

  #layersFor(query: PolicyQuery, source: AccountLayer | undefined): ApplicableLayers {
    if (typeof query.category !== 'string') throw optionTypeError('query.category', 'a string', query.category);
    return {
      source,
      account: this.#accounts.get(query.account),
      environment: this.#environments.get(query.environment),
      plan: this.#plans.get(query.plan),
      region: this.#regions.get(query.region),
      base: this.#base,
    };
  }

  /** One number for the combination of named layers that apply. */
  #cacheKey({ account, environment, plan, region }: PolicyQuery): number {
    let key = this.#accounts.ordinalOf(account);
    key = key * this.#environments.ordinals + this.#environments.ordinalOf(environment);
    key = key * this.#plans.ordinals + this.#plans.ordinalOf(plan);
    return key * this.#regions.ordinals + this.#regions.ordinalOf(region);
  }

  #complete(found: Limits, category: string, prefix: string): Resolution {
    const limits = prefix === '' ? found : { ...found, counters: found.counters.map((one) => prefixed(one, prefix)) };
    const counters = this.#storeFailure.localCounters(limits.counters);
    const quotas = limits.quotas.map((quota) => ({ ...quota, limit: this.#storeFailure.localLimit(quota.limit) }));
    const local = counters === limits.counters ? limits : { ...limits, counters, quotas };
    return { ...limits, onStoreFailure: this.#storeFailure.modeOf(category), local };
  }
}

const POLICY_OPTIONS: readonly string[] = [
  ...LIMIT_OPTIONS,
  'accounts',
  'environments',
  'plans',
  'regions',
  'known',
  'onStoreFailure',
  'localShare',
];

/**
 * The layers of one kind by name, and a number for each name: 0 without a layer, and a number of its own for all names
 * that the policy does not have, so that their first charge is not answered from the cache and is reported.
 */
class NamedLayers {
  readonly all: readonly CheckedLayer[];
  /** How many numbers there are. */
  readonly ordinals: number;
  readonly #layers: ReadonlyMap<string, CheckedLayer>;
  readonly #ordinals: ReadonlyMap<string, number>;
  readonly #unknown: number;

  /** Without `names`, any name is accepted. */
  constructor(layers: ReadonlyMap<string, CheckedLayer>, names?: ReadonlySet<string>) {
    this.all = [...layers.values()];
    this.#layers = layers;
    const all = names ?? new Set(layers.keys());
    this.#ordinals = new Map([...all].map((name) => [name, layers.get(name)?.ordinal ?? 0]));
    this.#unknown = names === undefined ? 0 : layers.size + 1;
    this.ordinals = layers.size + 2;
  }

  get isEmpty(): boolean {
    return this.#ordinals.size === 0;
  }

  /** An empty map is not asked: hashing a long name takes time. */
  get(name: string | undefined): CheckedLayer | undefined {
    return name === undefined || this.#layers.size === 0 ? undefined : this.#layers.get(name);
  }

  ordinalOf(name: string | undefined): number {
    if (name === undefined || this.#ordinals.size === 0) return 0;
    return this.#ordinals.get(name) ?? this.#unknown;
  }
}

function prefixed(counter: CounterSpec, prefix: string): CounterSpec {
  return { ...counter, name: prefix + counter.name };
}

function shown<T>({ value, from }: Explained<T>): Explained<T> {
  return { value, from };
}
