import { checkOneOf, checkOptions, checkString } from '../check.js';
import { optionRangeError, optionTypeError, showName } from '../errors.js';
import { Quota, type QuotaOptions, Throttle, type ThrottleOptions, windowInWords } from '../store/index.js';
import { type Blocked, type BlockedIds, checkBlocked, checkBlockedIds, type Ending, type Until } from './blocked.js';

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

/** Settings of all subjects of one kind. Each subject has a counter of its own with these quotas. */
export interface SubjectLayer extends CategoryLayer {
  /** Subjects of this kind that are blocked, by id: a list, or each with `true` or an end. */
  readonly blocked?: BlockedIds;
}

/** What the policy itself and each of its layers can set. */
export interface LayerLimits extends CategoryLayer {
  /** Quotas or settings by category. They win over the settings of the layer itself. */
  readonly categories?: Readonly<Record<string, QuotaList | CategoryLayer>>;
  /** Quotas of the account over all its categories, with a counter of their own. */
  readonly total?: QuotaList;
  /**
   * Quotas or settings by kind of subject, such as `key` or `leg`. They apply to the subjects that a charge names, each
   * on a counter of its own. A kind without a throttle or mode has those of the layer itself.
   */
  readonly each?: Readonly<Record<string, QuotaList | SubjectLayer>>;
}

/** One layer of a policy. Where a setting is missing, the next less specific layer decides. */
export interface Layer extends LayerLimits {
  /**
   * The lists of this layer are meant to remove limits of less specific layers, so that no warning reports it. It
   * changes no limit. Default: false.
   */
  readonly replace?: boolean;
  /**
   * Refuses every charge of the account or address; with `until`, before that instant. `false` lifts the block of a
   * less specific layer. Only for layers of accounts and addresses.
   */
  readonly blocked?: boolean | Until;
}

/** Layers by name. A `Map` allows names that an object literal does not, such as `__proto__`. */
export type Layers = Readonly<Record<string, Layer>> | ReadonlyMap<string, Layer>;

/**
 * The layer of one account or address. `'blocked'` refuses every charge. `'unlimited'` removes the quotas, the total
 * and the quotas of every kind of subject, and lifts the block of a less specific layer.
 */
export type PartyLayer = Layer | 'blocked' | 'unlimited';

/** Layers of single parties by name. */
export type PartyLayers = Readonly<Record<string, PartyLayer>> | ReadonlyMap<string, PartyLayer>;

/** Checked settings. An empty list of quotas stands for `'unlimited'`. */
export interface CheckedCategory {
  /** Whether the entry was a bare list of quotas. */
  readonly isList: boolean;
  readonly quotas: readonly Quota[] | undefined;
  readonly throttle: Throttle | false | undefined;
  readonly mode: Mode | undefined;
}

export interface CheckedSubject extends CheckedCategory {
  readonly blocked: ReadonlyMap<string, Ending>;
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
  readonly each: ReadonlyMap<string, CheckedSubject>;
  /** Whether the layer is the word `'unlimited'`, which concerns every kind of subject. */
  readonly isUnlimited: boolean;
  readonly blocked: Blocked | undefined;
  /** Whether the layer blocks its party or any subject. */
  readonly blocks: boolean;
}

const CATEGORY_OPTIONS: readonly string[] = ['quotas', 'throttle', 'mode'];
const SUBJECT_OPTIONS: readonly string[] = [...CATEGORY_OPTIONS, 'blocked'];
export const LIMIT_OPTIONS: readonly string[] = ['quotas', 'categories', 'total', 'throttle', 'mode', 'each'];
const LAYER_OPTIONS: readonly string[] = [...LIMIT_OPTIONS, 'replace'];
export const PARTY_OPTIONS: readonly string[] = [...LAYER_OPTIONS, 'blocked'];

/** Checks one layer; errors call it `path`. */
export function checkLayer(
  path: string,
  layer: Layer,
  name = '',
  ordinal = 0,
  options: readonly string[] = LAYER_OPTIONS,
): CheckedLayer {
  checkOptions(path, layer, options);
  const { replace = false } = layer;
  if (typeof replace !== 'boolean') throw optionTypeError(`${path}.replace`, 'true or false', replace);
  const blocked = layer.blocked === undefined ? undefined : checkBlocked(`${path}.blocked`, layer.blocked);
  const each = checkEntries(`${path}.each`, layer.each, checkSubject);
  return {
    name,
    path,
    ordinal,
    replaces: replace,
    ...checkSettings(path, layer),
    categories: checkEntries(`${path}.categories`, layer.categories, (at, _, entry) => checkCategory(at, entry)),
    total: layer.total === undefined ? undefined : nameAs('total', checkQuotaList(`${path}.total`, layer.total)),
    each,
    isUnlimited: false,
    blocked,
    blocks: blocked?.until !== undefined || [...each.values()].some(({ blocked }) => blocked.size > 0),
  };
}

/** The layer of an account or an address, which may be one of two words. */
export function checkPartyLayer(path: string, layer: PartyLayer, name = '', ordinal = 0): CheckedLayer {
  if (typeof layer !== 'string') return checkLayer(path, layer, name, ordinal, PARTY_OPTIONS);
  const isUnlimited = layer === 'unlimited';
  if (!isUnlimited && layer !== 'blocked') throw optionTypeError(path, PARTY_RULE, layer);
  const meant: Layer = isUnlimited
    ? { quotas: 'unlimited', total: 'unlimited', replace: true, blocked: false }
    : { blocked: true };
  const checked = checkPartyLayer(path, meant, name, ordinal);
  return { ...checked, isUnlimited, blocked: checked.blocked && { ...checked.blocked, from: path } };
}

const PARTY_RULE = "a layer, 'blocked' or 'unlimited'";

export function checkLayers(path: string, layers: Layers | undefined): ReadonlyMap<string, CheckedLayer> {
  return checkEach(path, layers, checkLayer);
}

export function checkPartyLayers(path: string, layers: PartyLayers | undefined): ReadonlyMap<string, CheckedLayer> {
  return checkEach(path, layers, checkPartyLayer);
}

function checkEach<L>(
  path: string,
  layers: Readonly<Record<string, L>> | ReadonlyMap<string, L> = {},
  check: (path: string, layer: L, name: string, ordinal: number) => CheckedLayer,
): ReadonlyMap<string, CheckedLayer> {
  const entries = layers instanceof Map ? layers : Object.entries(checkOptions(path, layers));
  const checked = new Map<string, CheckedLayer>();
  for (const [name, layer] of entries as Iterable<[string, L]>) {
    checkString(`${path} key`, name);
    checked.set(name, check(`${path}.${showName(name)}`, layer, name, checked.size + 1));
  }
  return checked;
}

/** The checked entries of `categories` or `each`. */
function checkEntries<C>(
  path: string,
  entries: unknown,
  check: (path: string, name: string, entry: unknown) => C,
): ReadonlyMap<string, C> {
  const checked = new Map<string, C>();
  for (const [name, entry] of Object.entries(checkOptions(path, entries === undefined ? {} : entries))) {
    checkString(`${path} key`, name);
    checked.set(name, check(`${path}.${showName(name)}`, name, entry));
  }
  return checked;
}

/** An entry is a list of quotas, or an object with more settings. */
function checkCategory(path: string, entry: unknown): CheckedCategory {
  if (!isSettings(entry)) return listOnly(checkQuotaList(path, entry));
  return checkSettings(path, checkOptions(path, entry, CATEGORY_OPTIONS));
}

function checkSubject(path: string, kind: string, entry: unknown): CheckedSubject {
  if (!isSettings(entry)) return { ...listOnly(nameAs(kind, checkQuotaList(path, entry))), blocked: new Map() };
  const { blocked, ...settings } = checkOptions(path, entry, SUBJECT_OPTIONS) as SubjectLayer;
  const checked = checkSettings(path, settings);
  return {
    ...checked,
    quotas: checked.quotas && nameAs(kind, checked.quotas),
    blocked: checkBlockedIds(`${path}.blocked`, blocked),
  };
}

/** Checks the option `service`, which must have quotas. */
export function checkService(path: string, entry: unknown): CheckedCategory {
  const checked = checkCategory(path, entry);
  // Without quotas it would limit nothing.
  const quotas = checked.quotas ?? checkQuotaList(`${path}.quotas`, undefined);
  return { ...checked, quotas: nameAs('service', quotas) };
}

function isSettings(entry: unknown): boolean {
  return typeof entry === 'object' && entry !== null && !Array.isArray(entry);
}

function listOnly(quotas: readonly Quota[]): CheckedCategory {
  return { isList: true, quotas, throttle: undefined, mode: undefined };
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

/**
 * A total and a category often have the same window: an unnamed quota of a total is called `total-…`, of a subject
 * by its kind, of the service `service-…`.
 */
function nameAs(whose: string, quotas: readonly Quota[]): readonly Quota[] {
  return quotas.map((quota) => {
    const { limit, windowMs, slices, name } = quota;
    if (name !== windowInWords(windowMs)) return quota;
    return new Quota({ limit, windowMs, slices, name: prefixedName(whose, name) });
  });
}

/** The name of a quota behind the name of a kind, which may have characters that headers cannot carry. */
export function prefixedName(whose: string, name: string): string {
  const printable = whose.replace(/[^!-~]/g, '_').slice(0, LONGEST_PREFIX);
  return `${printable}-${name}`;
}

/** The name of a quota has 64 characters at most, of which its window in words needs 17. */
const LONGEST_PREFIX = 32;
