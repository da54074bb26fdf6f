import { ownCopy } from '../bounded-name.js';
import { checkOptions } from '../check.js';
import { wallClock } from '../clock.js';
import { optionTypeError, showName } from '../errors.js';
import { subjectCounterName } from '../store/index.js';
import type { AccountLayer } from './account-source.js';
import { type AddressLayers, AddressRanges } from './address-ranges.js';
import type { Block } from './blocked.js';
import {
  type CategoryLayer,
  type CheckedCategory,
  type CheckedLayer,
  checkLayer,
  checkLayers,
  checkPartyLayers,
  checkQuotaList,
  checkService,
  type LayerLimits,
  type Layers,
  LIMIT_OPTIONS,
  type PartyLayers,
  type QuotaList,
} from './layer.js';
import { type ApplicableLayers, inOrder, LayerPrecedence } from './layer-precedence.js';
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
import type { AllLimits, Explained, ExplainedCounter, Explanation, Limits, Resolution } from './resolution.js';
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
  readonly accounts?: PartyLayers;
  /** Limits of addresses: of clients without an account. Other layers apply to addresses too, but are less specific. */
  readonly addresses?: AddressLayers;
  /** Quotas of everybody together, on one counter. No layer replaces them. */
  readonly service?: QuotaList | CategoryLayer;
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
  readonly subjects: readonly Names['subject'][];
}

/** The request that a policy is asked about. A `Charge` is one. */
export interface PolicyQuery {
  readonly category: string;
  readonly account?: string | undefined;
  /** Of a client without an account. */
  readonly address?: string | undefined;
  /** The ids of the subjects, by kind. Only own enumerable keys count. */
  readonly subjects?: Readonly<Record<string, string | undefined>> | undefined;
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
  Subject extends string = never,
  const Known extends KnownNames = Record<never, never>,
>(
  options: PolicyOptions & NamedOptions<Category, Plan, Region, Environment, Subject, Known>,
): Policy<{
  category: NamesOf<Category, Known['categories']>;
  plan: NamesOf<Plan, Known['plans']>;
  region: NamesOf<Region, Known['regions']>;
  environment: NamesOf<Environment, Known['environments']>;
  subject: NamesOf<Subject, Known['subjects']>;
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
  readonly #addresses: AddressRanges | undefined;
  readonly #service: CheckedCategory | undefined;
  /** The bit of each kind of subject, in the order of the policy. */
  readonly #kinds: ReadonlyMap<string, number>;
  /** How many sets of kinds of subjects there are. */
  readonly #kindSets: number;
  /** Whether any layer blocks anything. */
  readonly #blocks: boolean;
  /** Whether no name but the category makes a difference. */
  readonly #isFlat: boolean;
  readonly #names: NameTable;
  readonly #reportKind = (kind: string): void => this.#names.reportSubject(kind);
  readonly #storeFailure: StoreFailurePlan;
  readonly #resolutions = new Resolutions();

  constructor(options: PolicyOptions) {
    checkOptions('policy', options, POLICY_OPTIONS);
    const { accounts, addresses, environments, plans, regions, service, ...others } = options;
    const { known, onStoreFailure, localShare, ...base } = others;
    checkQuotaList('policy.quotas', base.quotas);
    const layers: LayersByKind = {
      base: checkLayer('policy', base),
      accounts: checkPartyLayers('policy.accounts', accounts),
      addresses: addresses === undefined ? undefined : new AddressRanges('policy.addresses', addresses),
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
    this.#addresses = layers.addresses;
    this.#service = service === undefined ? undefined : checkService('policy.service', service);
    this.#kinds = new Map([...this.#names.of('subject')].map((kind, index) => [kind, 1 << index]));
    this.#kindSets = 2 ** this.#kinds.size;
    this.#blocks = this.#allLayers().some(({ blocks }) => blocks);
    const named = [this.#accounts, this.#environments, this.#plans, this.#regions];
    this.#isFlat = addresses === undefined && named.every(({ isEmpty }) => isEmpty);
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
      subjects: [...this.#names.of('subject')],
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
    const { category, subjects } = query;
    const cache = resolutions.cacheOf(sourceLayer);
    // Reported before the cache is asked: no answer of it may hide a kind that the policy does not have.
    const kinds = subjects === undefined ? 0 : this.#kindsOf(subjects, this.#reportKind);
    const key = (this.#isFlat ? 0 : this.#cacheKey(query) * this.#kindSets) + kinds;
    const cached = cache.get(category, key);
    if (cached !== undefined) return cached;
    this.#names.report(query);
    if (sourceLayer !== undefined) this.#names.reportLayer(sourceLayer);
    // A category may be cut out of a URL, which the cache must not keep.
    const kept = ownCopy(category);
    const limits = this.#precedence(query, sourceLayer, kept, kinds).limits();
    const resolution = this.#complete(limits, kept, resolutions.prefix);
    cache.add(kept, key, resolution);
    return resolution;
  }

  /**
   * The values that {@link resolve} finds, each with the place in the policy that it comes from, and the block at the
   * instant `now`, in milliseconds since the epoch.
   */
  explain(query: PolicyQuery, sourceLayer?: AccountLayer, now: number = wallClock()): Explanation {
    const { category, subjects = {} } = query;
    const winners = this.#precedence(query, sourceLayer, category, this.#kindsOf(subjects));
    const limits = winners.limits();
    const namesOf = ({ counters, subjects: kinds }: Limits) => {
      const others = counters.length - kinds.length;
      return counters.map(({ name }, index) => {
        return index < others ? name : subjectCounterName(name, String(subjects[kinds[index - others]!]));
      });
    };
    return {
      quotas: shown(winners.quotas),
      total: shown(winners.total),
      throttle: shown(winners.throttle),
      totalThrottle: shown(winners.totalThrottle),
      mode: shown(winners.mode),
      each: Object.fromEntries(Array.from(winners.each, ([kind, counter]) => [kind, shownCounter(counter)])),
      service: shownCounter(winners.service),
      block: this.blockOf(query, sourceLayer, now),
      onStoreFailure: this.#storeFailure.modeOf(category),
      counters: [...namesOf(limits), ...(limits.observed === undefined ? [] : namesOf(limits.observed))],
    };
  }

  /**
   * The block that refuses the query at the instant `at`, in milliseconds since the epoch, by default now: of its
   * account or address, or of one of its subjects. A block that has ended says nothing, so that a less specific layer
   * decides.
   */
  blockOf(query: PolicyQuery, sourceLayer?: AccountLayer, at?: number): Block | undefined {
    // Every charge asks, and the clock is read only where something may be blocked.
    const mayBlock = this.#blocks || sourceLayer?.blocks === true;
    return mayBlock ? this.#findBlock(query, sourceLayer, at ?? wallClock()) : undefined;
  }

  #findBlock(query: PolicyQuery, sourceLayer: AccountLayer | undefined, now: number): Block | undefined {
    const layers = inOrder(this.#layersFor(query, sourceLayer));
    const party = query.account === undefined ? 'address' : 'account';
    for (const { blocked } of layers) {
      if (blocked === undefined) continue;
      const { until, from } = blocked;
      if (until === undefined) break;
      if (until > now) return { party, ...endOf(until), from };
    }
    const { subjects } = query;
    if (subjects === undefined) return undefined;
    for (const subject of Object.keys(subjects)) {
      const id = subjects[subject];
      if (id === undefined || !this.#kinds.has(subject)) continue;
      for (const { each } of layers) {
        const ids = each.get(subject)?.blocked;
        const ending = ids === undefined || ids.size === 0 ? undefined : ids.get(id);
        if (ending === undefined || ending.until <= now) continue;
        return { party: 'subject', subject, ...endOf(ending.until), from: ending.from };
      }
    }
    return undefined;
  }

  /**
   * The name of the counter for the query's category. It does not depend on plan and region: an environment has a
   * counter of its own where its layer wins, and only layers of the account or address are more specific.
   */
  counterOf(query: PolicyQuery, sourceLayer?: AccountLayer): string {
    this.#names.report(query);
    return new LayerPrecedence(this.#layersOfCounters(query, sourceLayer), query.category).categoryCounter;
  }

  /** As {@link counterOf}: the name that the counters of all subjects of the kind begin with. */
  subjectCounterOf(kind: string, query: PolicyQuery, sourceLayer?: AccountLayer): string {
    this.#names.report(query);
    this.#names.reportSubject(kind);
    return new LayerPrecedence(this.#layersOfCounters(query, sourceLayer), query.category, [kind]).subjectCounter(kind);
  }

  /** Whether charges concern another account too, since the policy has a `service`. */
  get joinsAccounts(): boolean {
    return this.#service?.quotas !== undefined && this.#service.quotas.length > 0;
  }

  /**
   * The longest prefix of the IPv6 ranges of `addresses`. A range with a longer prefix than charges keep of an address
   * matches nothing.
   */
  get longestIpv6Prefix(): number | undefined {
    return this.#addresses?.longestIpv6Prefix;
  }

  /** Whether any layer of the policy, or its service, has a throttle. */
  get throttles(): boolean {
    if (this.#service?.throttle) return true;
    return this.#allLayers().some((layer) =>
      [layer, ...layer.categories.values(), ...layer.each.values()].some(({ throttle }) => throttle),
    );
  }

  /** Whether any layer of the policy has categories of its own. */
  get hasCategories(): boolean {
    return this.#allLayers().some(({ categories }) => categories.size > 0);
  }

  #allLayers(): readonly CheckedLayer[] {
    const named = [this.#accounts, this.#environments, this.#plans, this.#regions];
    return [this.#base, ...named.flatMap(({ all }) => all), ...(this.#addresses?.all ?? [])];
  }

  #layersFor(query: PolicyQuery, source: AccountLayer | undefined): ApplicableLayers {
    const { category, account, address } = query;
    if (typeof category !== 'string') throw optionTypeError('query.category', 'a string', category);
    const ranges = this.#addresses;
    return {
      source,
      account: this.#accounts.get(account),
      addresses: ranges === undefined || account !== undefined || address === undefined ? [] : ranges.chainOf(address),
      environment: this.#environments.get(query.environment),
      plan: this.#plans.get(query.plan),
      region: this.#regions.get(query.region),
      base: this.#base,
    };
  }

  /** The layers that decide whether a counter is the environment's own. */
  #layersOfCounters(query: PolicyQuery, sourceLayer: AccountLayer | undefined): ApplicableLayers {
    const { source, account, addresses, environment } = this.#layersFor(query, sourceLayer);
    return { source, account, addresses, environment };
  }

  #precedence(
    query: PolicyQuery,
    sourceLayer: AccountLayer | undefined,
    category: string,
    kinds: number,
  ): LayerPrecedence {
    const present = [...this.#kinds].filter(([, bit]) => (kinds & bit) !== 0).map(([kind]) => kind);
    return new LayerPrecedence(this.#layersFor(query, sourceLayer), category, present, this.#service);
  }

  /** The bits of the kinds of the subjects. `report` is called with each kind that the policy does not have. */
  #kindsOf(subjects: Readonly<Record<string, string | undefined>>, report?: (kind: string) => void): number {
    if (this.#kinds.size === 0) return 0;
    let kinds = 0;
    for (const kind of Object.keys(subjects)) {
      const bit = this.#kinds.get(kind);
      if (bit === undefined) report?.(kind);
      else if (subjects[kind] !== undefined) kinds |= bit;
    }
    return kinds;
  }

  /** One number for the combination of named layers that apply. */
  #cacheKey({ account, address, environment, plan, region }: PolicyQuery): number {
    let key = this.#accounts.ordinalOf(account);
    if (this.#addresses !== undefined && account === undefined && address !== undefined) {
      key = this.#accounts.ordinals + this.#addresses.ordinalOf(address);
    }
    key = key * this.#environments.ordinals + this.#environments.ordinalOf(environment);
    key = key * this.#plans.ordinals + this.#plans.ordinalOf(plan);
    return key * this.#regions.ordinals + this.#regions.ordinalOf(region);
  }

  #complete(found: AllLimits, category: string, prefix: string): Resolution {
    const limits = prefix === '' ? found : prefixed(found, prefix);
    const { observed, ...own } = limits;
    const counters = this.#storeFailure.localCounters(own.counters);
    const quotas = own.quotas.map((quota) => ({ ...quota, limit: this.#storeFailure.localLimit(quota.limit) }));
    const local = counters === own.counters ? own : { ...own, counters, quotas };
    return { ...limits, onStoreFailure: this.#storeFailure.modeOf(category), local };
  }
}

const POLICY_OPTIONS: readonly string[] = [
  ...LIMIT_OPTIONS,
  'accounts',
  'addresses',
  'environments',
  'plans',
  'regions',
  'service',
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

function prefixed({ observed, ...limits }: AllLimits, prefix: string): AllLimits {
  const counters = limits.counters.map((counter) => ({ ...counter, name: prefix + counter.name }));
  return { ...limits, counters, ...(observed && { observed: prefixed(observed, prefix) }) };
}

function endOf(until: number): { readonly until?: number } {
  return until === Number.POSITIVE_INFINITY ? {} : { until };
}

function shownCounter({ quotas, throttle, mode }: ExplainedCounter): ExplainedCounter {
  return { quotas: shown(quotas), throttle: shown(throttle), mode: shown(mode) };
}

function shown<T>({ value, from }: Explained<T>): Explained<T> {
  return { value, from };
}
