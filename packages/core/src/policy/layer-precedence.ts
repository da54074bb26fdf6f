import { showName } from '../errors.js';
import type { CounterSpec, Quota, Throttle } from '../store/index.js';
import type { AccountLayer } from './account-source.js';
import type { CheckedLayer, Mode } from './layer.js';
import type { AppliedQuota, Explained, Limits } from './resolution.js';

/** The layers that apply to one request. */
export interface ApplicableLayers {
  /** From an `AccountSource`. */
  readonly source?: AccountLayer | undefined;
  readonly account?: CheckedLayer | undefined;
  readonly environment?: CheckedLayer | undefined;
  readonly plan?: CheckedLayer | undefined;
  readonly region?: CheckedLayer | undefined;
  readonly base?: CheckedLayer | undefined;
}

type Found<T> = Explained<T> & { readonly layer: CheckedLayer | undefined };

/**
 * Decides which layer wins, option by option: the most specific layer that sets the option; within a layer, its
 * category before the layer itself. The order of precedence stands in the constructor.
 */
export class LayerPrecedence {
  readonly quotas: Found<readonly Quota[]>;
  readonly total: Found<readonly Quota[]>;
  readonly throttle: Found<Throttle | undefined>;
  readonly totalThrottle: Found<Throttle | undefined>;
  readonly mode: Found<Mode>;
  readonly #category: string;
  readonly #environment: CheckedLayer | undefined;

  constructor({ source, account, environment, plan, region, base }: ApplicableLayers, category: string) {
    const layers = [source, account, environment, plan, region, base].filter((layer) => layer !== undefined);
    this.#category = category;
    this.#environment = environment;
    this.quotas = find<readonly Quota[]>(layers, category, 'quotas', []);
    this.throttle = orNone(find<Throttle | false>(layers, category, 'throttle', false));
    this.totalThrottle = orNone(find<Throttle | false>(layers, undefined, 'throttle', false));
    this.mode = find<Mode>(layers, category, 'mode', 'enforce');
    const withTotal = layers.find(({ total }) => total !== undefined);
    this.total = { value: withTotal?.total ?? [], from: withTotal && `${withTotal.path}.total`, layer: withTotal };
  }

  limits(): Limits {
    const counters: CounterSpec[] = [];
    const quotas: AppliedQuota[] = [];
    const counterOfQuota: number[] = [];
    const add = (scope: AppliedQuota['scope'], counter: string, list: readonly Quota[], throttle?: Throttle) => {
      if (list.length === 0) return;
      counters.push({ name: counter, quotas: list, ...(throttle && { throttle }) });
      for (const { name, limit, windowMs } of list) {
        let shown = name;
        while (quotas.some((other) => other.name === shown)) shown = `total-${shown}`;
        quotas.push({ name: shown, scope, limit, windowMs });
        counterOfQuota.push(counters.length - 1);
      }
    };
    add('category', this.categoryCounter, this.quotas.value, this.throttle.value);
    add('total', this.#counterName('*', this.total.layer), this.total.value, this.totalThrottle.value);
    return { counters, quotas, counterOfQuota, subjects: [], mode: this.mode.value };
  }

  /** The name of the category's counter, even if no quota applies to it. */
  get categoryCounter(): string {
    return this.#counterName(escapeName(this.#category), this.quotas.layer);
  }

  /** Environments share a counter, unless the quotas come from the environment's own layer. */
  #counterName(name: string, winner: CheckedLayer | undefined): string {
    const isApart = winner !== undefined && winner === this.#environment;
    return isApart ? `${escapeName(winner.name)}/${name}` : name;
  }
}

/** The value of the most specific layer that sets the option. */
function find<T>(
  layers: readonly CheckedLayer[],
  category: string | undefined,
  option: 'quotas' | 'throttle' | 'mode',
  fallback: T,
): Found<T> {
  for (const layer of layers) {
    const entry = category === undefined ? undefined : layer.categories.get(category);
    if (entry?.[option] !== undefined) {
      const path = `${layer.path}.categories.${showName(category ?? '')}`;
      return { value: entry[option] as T, from: entry.isList ? path : `${path}.${option}`, layer };
    }
    if (layer[option] !== undefined) return { value: layer[option] as T, from: `${layer.path}.${option}`, layer };
  }
  return { value: fallback, from: undefined, layer: undefined };
}

function orNone({ value, ...found }: Found<Throttle | false>): Found<Throttle | undefined> {
  return { ...found, value: value === false ? undefined : value };
}

/** Keeps `/` and `*`, which have a meaning in counter names, out of the names of categories and environments. */
function escapeName(name: string): string {
  return name.replace(/[%/*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
}
