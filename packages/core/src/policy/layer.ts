import { checkOneOf, checkOptions, checkString } from '../check.js';
import { optionRangeError, optionTypeError, showName } from '../errors.js';
import { Quota, type QuotaOptions, Throttle, type ThrottleOptions, windowInWords } from '../store/index.js';

/** 1 to 8 quotas that a charge must all fit, or the word `'unlimited'`: an empty list is refused, since it may be a mishap. */
export type QuotaList = readonly QuotaOptions[] | 'unlimited';

/** Whether limits are enforced, or only observed: decided and counted as ever, but no one is refused. */
export type Mode = 'enforce' | 'observe';

/** What a layer can say of its categories, or of one of them. Where it is silent, the next less specific one speaks. */
export interface CategoryLayer {
  /** A list here replaces those of every less specific layer. */
  readonly quotas?: QuotaList;
  /** What repeated violations lead to; `false` ends what a less specific layer says. */
  readonly throttle?: ThrottleOptions | false;
  /** Default: `'enforce'`. */
  readonly mode?: Mode;
}

/** What one layer of a policy can say. Where it is silent, the next less specific layer speaks. */
export interface Layer extends CategoryLayer {
  /** By category: its quotas, or all that can be said of it. What stands here comes before what the layer itself says. */
  readonly categories?: Readonly<Record<string, QuotaList | CategoryLayer>>;
  /** Quotas of the account over all its categories, on a counter of their own. */
  readonly total?: QuotaList;
}

/** Layers by name. A `Map` may hold names that an object literal cannot, such as `__proto__`. */
export type Layers = Readonly<Record<string, Layer>> | ReadonlyMap<string, Layer>;

/** Of a layer that has been checked. An empty list stands for `'unlimited'`. */
export interface CheckedCategory {
  /** Whether it was given as a list of quotas alone. */
  readonly isList: boolean;
  readonly quotas: readonly Quota[] | undefined;
  readonly throttle: Throttle | false | undefined;
  readonly mode: Mode | undefined;
}

export interface CheckedLayer extends CheckedCategory {
  readonly name: string;
  /** What errors call it. */
  readonly path: string;
  /** Its place among its siblings, from 1. */
  readonly ordinal: number;
  readonly categories: ReadonlyMap<string, CheckedCategory>;
  readonly total: readonly Quota[] | undefined;
}

const CATEGORY_OPTIONS: readonly string[] = ['quotas', 'throttle', 'mode'];
export const LAYER_OPTIONS: readonly string[] = ['quotas', 'categories', 'total', 'throttle', 'mode'];

/** Checks one layer; `path` is what errors call it. */
export function checkLayer(path: string, layer: Layer, name = '', ordinal = 0): CheckedLayer {
  checkOptions(path, layer, LAYER_OPTIONS);
  const categories = new Map<string, CheckedCategory>();
  for (const [category, said] of Object.entries(
    checkOptions(`${path}.categories`, layer.categories === undefined ? {} : layer.categories),
  )) {
    checkString(`${path}.categories key`, category);
    categories.set(category, checkCategory(`${path}.categories.${showName(category)}`, said));
  }
  return {
    name,
    path,
    ordinal,
    ...checkSaid(path, layer),
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

/** A category's entry is a list of quotas, or an object that may say more. */
function checkCategory(path: string, said: unknown): CheckedCategory {
  if (typeof said !== 'object' || said === null || Array.isArray(said)) {
    return { isList: true, quotas: checkQuotaList(path, said), throttle: undefined, mode: undefined };
  }
  return checkSaid(path, checkOptions(path, said, CATEGORY_OPTIONS));
}

function checkSaid(path: string, { quotas, throttle, mode }: CategoryLayer): CheckedCategory {
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

/** A total and a category often have the same window; a quota without a name of its own says which of the two it is. */
function nameAsTotal(quota: Quota): Quota {
  const { limit, windowMs, slices, name } = quota;
  if (name !== windowInWords(windowMs)) return quota;
  return new Quota({ limit, windowMs, slices, name: `total-${name}` });
}
