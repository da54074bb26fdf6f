import { showName } from '../errors.js';
import { type CounterSpec, type Quota, SERVICE_OWNER, SUBJECT_MARK, type Throttle } from '../store/index.js';
import type { AccountLayer } from './account-source.js';
import { type CheckedCategory, type CheckedLayer, type Mode, prefixedName } from './layer.js';
import type { AllLimits, AppliedQuota, Explained, ExplainedCounter, Limits } from './resolution.js';

/** The layers that apply to one request. */
export interface ApplicableLayers {
  /** From an `AccountSource`. */
  readonly source?: AccountLayer | undefined;
  readonly account?: CheckedLayer | undefined;
  /** Of an address: the ranges that it lies in, the smallest first, then `addresses` itself. */
  readonly addresses?: readonly CheckedLayer[] | undefined;
  readonly environment?: CheckedLayer | undefined;
  readonly plan?: CheckedLayer | undefined;
  readonly region?: CheckedLayer | undefined;
  readonly base?: CheckedLayer | undefined;
}

/** The layers in their order of precedence. */
export function inOrder(layers: ApplicableLayers): readonly CheckedLayer[] {
  const { source, account, addresses = [], environment, plan, region, base } = layers;
  return [source, account, ...addresses, environment, plan, region, base].filter((layer) => layer !== undefined);
}

type Found<T> = Explained<T> & { readonly layer: CheckedLayer | undefined };

/** The settings that win for one counter. */
interface Winners extends ExplainedCounter {
  readonly quotas: Found<readonly Quota[]>;
}

/**
 * Decides which layer wins, option by option: the most specific layer that sets the option; within a layer, its
 * category or kind of subject before the layer itself. The order of precedence stands in {@link inOrder}.
 */
export class LayerPrecedence {
  readonly quotas: Found<readonly Quota[]>;
  readonly total: Found<readonly Quota[]>;
  readonly throttle: Found<Throttle | undefined>;
  readonly totalThrottle: Found<Throttle | undefined>;
  readonly mode: Found<Mode>;
  /** By kind of subject, of the kinds that were asked for. */
  readonly each: ReadonlyMap<string, Winners>;
  readonly service: Winners;
  readonly #category: string;
  readonly #environment: CheckedLayer | undefined;

  constructor(
    applicable: ApplicableLayers,
    category: string,
    kinds: readonly string[] = [],
    service?: CheckedCategory | undefined,
  ) {
    const layers = inOrder(applicable);
    this.#category = category;
    this.#environment = applicable.environment;
    const place: Place = { group: 'categories', name: category };
    this.quotas = find<readonly Quota[]>(layers, place, 'quotas', []);
    this.throttle = orNone(find<Throttle | false>(layers, place, 'throttle', false));
    this.totalThrottle = orNone(find<Throttle | false>(layers, undefined, 'throttle', false));
    this.mode = find<Mode>(layers, place, 'mode', 'enforce');
    const withTotal = layers.find(({ total }) => total !== undefined);
    const totalPath = withTotal?.isUnlimited ? withTotal.path : withTotal && `${withTotal.path}.total`;
    this.total = { value: withTotal?.total ?? [], from: totalPath, layer: withTotal };
    this.each = new Map(kinds.map((kind) => [kind, winnersOfSubject(layers, kind)]));
    this.service = winnersOfService(service);
  }

  limits(): AllLimits {
    const counters: readonly Counter[] = [
      {
        name: this.categoryCounter,
        scope: 'category',
        quotas: this.quotas,
        throttle: this.throttle,
        mode: this.mode,
      },
      {
        name: this.#counterName('*', this.total.layer),
        scope: 'total',
        quotas: this.total,
        throttle: this.totalThrottle,
        mode: this.mode,
      },
      { name: 'service', scope: 'service', account: SERVICE_OWNER, ...this.service },
      ...Array.from(this.each, ([kind, winners]): Counter => {
        return { name: this.#subjectCounter(kind, winners), scope: 'subject', subject: kind, ...winners };
      }),
    ];
    const names = new Set<string>();
    const groups = { enforce: new GrowingLimits('enforce'), observe: new GrowingLimits('observe') };
    for (const counter of counters) {
      if (counter.quotas.value.length > 0) groups[counter.mode.value].add(counter, names);
    }
    const { enforce, observe } = groups;
    if (enforce.counters.length === 0 && observe.counters.length === 0) return groups[this.mode.value].limits;
    if (observe.counters.length === 0) return enforce.limits;
    return enforce.counters.length === 0 ? observe.limits : { ...enforce.limits, observed: observe.limits };
  }

  /** The name of the category's counter, even if no quota applies to it. */
  get categoryCounter(): string {
    return this.#counterName(escapeName(this.#category), this.quotas.layer);
  }

  /** The name that the counters of all subjects of the kind begin with, even if no quota applies to them. */
  subjectCounter(kind: string): string {
    return this.#subjectCounter(kind, this.each.get(kind));
  }

  #subjectCounter(kind: string, winners: Winners | undefined): string {
    return this.#counterName(SUBJECT_MARK + escapeName(kind), winners?.quotas.layer);
  }

  /** Environments share a counter, unless the quotas come from the environment's own layer. */
  #counterName(name: string, winner: CheckedLayer | undefined): string {
    const isApart = winner !== undefined && winner === this.#environment;
    return isApart ? `${escapeName(winner.name)}/${name}` : name;
  }
}

/** One counter with the settings that win for it. */
interface Counter extends ExplainedCounter {
  readonly name: string;
  readonly scope: AppliedQuota['scope'];
  /** The kind of the subject. */
  readonly subject?: string;
  readonly account?: string;
}

/** Limits of one mode, to which counters are added in their order. */
class GrowingLimits {
  readonly counters: CounterSpec[] = [];
  readonly #quotas: AppliedQuota[] = [];
  readonly #counterOfQuota: number[] = [];
  readonly #subjects: string[] = [];
  readonly #mode: Mode;

  constructor(mode: Mode) {
    this.#mode = mode;
  }

  get limits(): Limits {
    return {
      counters: this.counters,
      quotas: this.#quotas,
      counterOfQuota: this.#counterOfQuota,
      subjects: this.#subjects,
      mode: this.#mode,
    };
  }

  /** `names` are those of all quotas of the charge so far. */
  add({ name, scope, subject, account, quotas, throttle }: Counter, names: Set<string>): void {
    const ofQuotas = { scope, ...(subject !== undefined && { subject }) };
    for (const { name: own, limit, windowMs } of quotas.value) {
      let shown = own;
      while (names.has(shown)) shown = prefixedName(subject ?? scope, shown);
      names.add(shown);
      this.#quotas.push({ name: shown, ...ofQuotas, limit, windowMs });
      this.#counterOfQuota.push(this.counters.length);
    }
    this.counters.push({
      name,
      quotas: quotas.value,
      ...(throttle.value && { throttle: throttle.value }),
      ...(account !== undefined && { account }),
    });
    if (subject !== undefined) this.#subjects.push(subject);
  }
}

/** An entry of a layer. */
interface Place {
  readonly group: 'categories' | 'each';
  readonly name: string;
}

/** The value of the most specific layer that sets the option. */
function find<T>(
  layers: readonly CheckedLayer[],
  place: Place | undefined,
  option: 'quotas' | 'throttle' | 'mode',
  fallback: T,
): Found<T> {
  // The quotas of a layer are those of its categories, not of subjects.
  const isOwn = place?.group === 'each' && option === 'quotas';
  for (const layer of layers) {
    const entry = place && layer[place.group].get(place.name);
    if (entry?.[option] !== undefined) {
      const path = `${layer.path}.${place!.group}.${showName(place!.name)}`;
      return { value: entry[option] as T, from: entry.isList ? path : `${path}.${option}`, layer };
    }
    if (isOwn) {
      if (layer.isUnlimited) return { value: [] as T, from: layer.path, layer };
    } else if (layer[option] !== undefined) {
      const from = layer.isUnlimited ? layer.path : `${layer.path}.${option}`;
      return { value: layer[option] as T, from, layer };
    }
  }
  return { value: fallback, from: undefined, layer: undefined };
}

function winnersOfSubject(layers: readonly CheckedLayer[], kind: string): Winners {
  const place: Place = { group: 'each', name: kind };
  return {
    quotas: find<readonly Quota[]>(layers, place, 'quotas', []),
    throttle: orNone(find<Throttle | false>(layers, place, 'throttle', false)),
    mode: find<Mode>(layers, place, 'mode', 'enforce'),
  };
}

/** No layer but the policy itself has a service. */
function winnersOfService(service: CheckedCategory | undefined): Winners {
  const at = service?.isList ? '' : '.quotas';
  const from = (value: unknown, option: string) => (value === undefined ? undefined : `policy.service${option}`);
  return {
    quotas: { value: service?.quotas ?? [], from: service && `policy.service${at}`, layer: undefined },
    throttle: orNone({
      value: service?.throttle ?? false,
      from: from(service?.throttle, '.throttle'),
      layer: undefined,
    }),
    mode: { value: service?.mode ?? 'enforce', from: from(service?.mode, '.mode') },
  };
}

function orNone({ value, ...found }: Found<Throttle | false>): Found<Throttle | undefined> {
  return { ...found, value: value === false ? undefined : value };
}

/** Keeps `/` and `*`, which have a meaning in counter names, out of the names of categories and environments. */
function escapeName(name: string): string {
  return name.replace(/[%/*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
}
