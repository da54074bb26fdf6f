import { checkOneOf, checkOptions, checkString } from '../check.js';
import { optionRangeError, optionTypeError, showName } from '../errors.js';
import { Quota, type QuotaOptions, Throttle, type ThrottleOptions, windowInWords } from '../store/index.js';

/** 1 to 8 quotas, all of which a charge must fit, or `'unlimited'`. An empty list may be a mistake and is refused. */
export type QuotaList = readonly QuotaOptions[] | 'unlimited';

/** Whether limits are enforced, or only observed: decisions and counters are the same, but every request passes. */
export type Mode = 'enforce' | 'observe';

/**
 * Settings of a category, or of all categories of a layer. Where one is missing, the next less specific layer decides.
 */
export interface CategoryLayer {
  /** A list replaces the lists of every less specific layer. */
  readonly quotas?: QuotaList;
  /** Shrinks limits after repeated violations; `false` switches off the throttle of a less specific layer. */
  readonly throttle?: ThrottleOptions | false;
  /** Default: `'enforce'`. */
  readonly mode?: Mode;
}

/** What the policy itself and each of its layers can set. */
export interface LayerLimits extends CategoryLayer {
  /** Quotas or settings by category. They win over the settings of the layer itself. */
  readonly categories?: Readonly<Record<string, QuotaList | CategoryLayer>>;
  /** Quotas of the account over all its categories, with a counter of their own. */
  readonly total?: QuotaList;
}

/** One layer of a policy. Where a setting is missing, the next less specific layer decides. */
export interface Layer extends LayerLimits {
  /**
   * The lists of this layer are meant to remove limits of less specific layers, so that no warning reports it. It
   * changes no limit. Default: false.
   */
  readonly replace?: boolean;
}

/** Layers by name. A `Map` allows names that an object literal does not, such as `__proto__`. */
export type Layers = Readonly<Record<string, Layer>> | ReadonlyMap<string, Layer>;

/** Checked settings. An empty list of quotas stands for `'unlimited'`. */
export interface CheckedCategory {
  /** Whether the entry was a bare list of quotas. */
  readonly isList: boolean;
  readonly quotas: readonly Quota[] | undefined;
  readonly throttle: Throttle | false | undefined;
  readonly mode: Mode | undefined;
}

export interface CheckedLayer extends CheckedCategory {
  readonly name: string;
  /** The name of the layer in errors. */
  readonly path: string;
  /** Position among its siblings, from 1. */
  readonly ordinal: number;
  readonly replaces: boolean;
  readonly categories: ReadonlyMap<string, CheckedCategory>;
  readonly total: readonly Quota[] | undefined;
}

const CATEGORY_OPTIONS: readonly string[] = ['quotas', 'throttle', 'mode'];
export const LIMIT_OPTIONS: readonly string[] = ['quotas', 'categories', 'total', 'throttle', 'mode'];
const LAYER_OPTIONS: readonly string[] = [...LIMIT_OPTIONS, 'replace'];

/** Checks one layer; errors call it `path`. */
export function checkLayer(path: string, layer: Layer, name = '', ordinal = 0): CheckedLayer {
  checkOptions(path, layer, LAYER_OPTIONS);
  const { replace = false } = layer;
  if (typeof replace !== 'boolean') throw optionTypeError(`${path}.replace`, 'true or false', replace);
  const categories = new Map<string, CheckedCategory>();
  for (const [category, entry] of Object.entries(
    checkOptions(`${path}.categories`, layer.categories === undefined ? {} : layer.categories),
  )) {
    checkString(`${path}.categories key`, category);
    categories.set(category, checkCategory(`${path}.categories.${showName(category)}`, entry));
  }
  return {
    name,
    path,
    ordinal,
    replaces: replace,
    ...checkSettings(path, layer),
    categories,
    total: layer.total === undefined ? undefined : checkQuotaList(`${path}.total`, layer.total).map(nameAsTotal),
  };
}

export function checkLayers(path: string, layers: Layers = {}): ReadonlyMap<string, CheckedLayer> {
  const entries = layers instanceof Map ? layers : Object.entries(checkOptions(path, layers));
  const checked = new Map<string, CheckedLayer>();
  for (const [name, layer] of entries as Iterable<[string, Layer]>) {
    checkString(`${path} key`, name);
    checked.set(name, checkLayer(`${path}.${showName(name)}`, layer, name, checked.size + 1));
  }
  return checked;
}

/** An entry is a list of quotas, or an object with more settings. */
function checkCategory(path: string, entry: unknown): CheckedCategory {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return { isList: true, quotas: checkQuotaList(path, entry), throttle: undefined, mode: undefined };
  }
  return checkSettings(path, checkOptions(path, entry, CATEGORY_OPTIONS));
}

function checkSettings(path: string, { quotas, throttle, mode }: CategoryLayer): CheckedCategory {
  return {
    isList: false,
    quotas: quotas === undefined ? undefined : checkQuotaList(`${path}.quotas`, quotas),
    throttle: throttle === undefined || throttle === false ? throttle : new Throttle(throttle, `${path}.throttle`),
    mode: mode === undefined ? undefined : checkOneOf(`${path}.mode`, mode, MODES),
  };
}

const MODES: readonly Mode[] = ['enforce', 'observe'];
const MAX_QUOTAS = 8;
const QUOTA_LIST_RULE = `an array of 1 to ${MAX_QUOTAS} quotas or 'unlimited'`;

export function checkQuotaList(path: string, list: unknown): readonly Quota[] {
  if (list === 'unlimited') return [];
  if (!Array.isArray(list)) throw optionTypeError(path, QUOTA_LIST_RULE, list);
  if (list.length < 1 || list.length > MAX_QUOTAS) throw optionRangeError(path, QUOTA_LIST_RULE, list);
  const quotas = Array.from(list, (quota: QuotaOptions, index) => new Quota(quota, `${path}[${index}]`));
  const windows = new Set<number>();
  const names = new Set<string>();
  for (const [index, { windowMs, name }] of quotas.entries()) {
    if (windows.has(windowMs)) {
      throw optionRangeError(`${path}[${index}].windowMs`, 'different from the other quotas of its list', windowMs);
    }
    if (names.has(name)) {
      throw optionRangeError(`${path}[${index}].name`, 'different from the other quotas of its list', name);
    }
    windows.add(windowMs);
    names.add(name);
  }
  return quotas;
}

/** A total and a category often have the same window: an unnamed quota of a total is called `total-…`. */
function nameAsTotal(quota: Quota): Quota {
  const { limit, windowMs, slices, name } = quota;
  if (name !== windowInWords(windowMs)) return quota;
  return new Quota({ limit, windowMs, slices, name: `total-${name}` });
}
