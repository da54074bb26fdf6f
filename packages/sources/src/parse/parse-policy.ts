import {
  type AccountLayer,
  defineAccountLayer,
  definePolicy,
  type Layer,
  type Policy,
  type PolicyOptions,
} from '@tollgate/core';
import { checkOptions, checkString, optionTypeError } from '@tollgate/core/kit';
import type { Part } from './find-problems.js';
import type { Position } from './policy-file-error.js';
import { PolicyText } from './policy-text.js';
import { placesIn, placesOf } from './yaml-positions.js';

export interface ParseOptions {
  /** The name of the text in errors. Default: `policy`, or `layer`. */
  readonly file?: string;
}

interface Parsed {
  /**
   * The position of an option in the text: of its name, or of the item in a list. The option is named as in errors and
   * by `policy.explain`, such as `policy.plans.gold.quotas`. `undefined`: the text does not contain it.
   */
  positionOf(option: string): Position | undefined;
}

/** A policy, and its text as options. */
export interface ParsedPolicy extends Parsed {
  readonly policy: Policy;
  /** The content of the text, as {@link definePolicy} takes it. */
  readonly options: PolicyOptions;
}

/** The layer of one account, and its text as options. */
export interface ParsedLayer extends Parsed {
  readonly layer: AccountLayer;
  /** The content of the text, as {@link defineAccountLayer} takes it. */
  readonly options: Layer;
}

/**
 * Reads a policy from a text in JSON or YAML 1.2. Its options are those of {@link definePolicy}, with windows in
 * milliseconds. A `$schema` at the top is for editors, and is ignored. Names are strings as they are written: an
 * account may have the name `007`. Duplicate options are errors, and so are YAML tags that JSON does not have.
 *
 * @throws PolicyFileError `TOLLGATE_POLICY_FILE` with all problems and their positions.
 *
 * @example
 * const { policy } = parsePolicy('quotas: [{ limit: 100, windowMs: 60000 }]');
 */
export function parsePolicy(text: string, options: ParseOptions = {}): ParsedPolicy {
  const { value, positionOf, checked } = read(text, options, 'parsePolicy', 'policy', definePolicy, partsOfPolicy);
  return { policy: checked, options: value as PolicyOptions, positionOf };
}

/**
 * Reads the layer of one account, as an entry of `accounts` in a policy. Its name in errors is `layer`.
 *
 * @throws PolicyFileError as {@link parsePolicy}.
 */
export function parseLayer(text: string, options: ParseOptions = {}): ParsedLayer {
  const check = (layer: Layer) => defineAccountLayer(layer, 'layer');
  const { value, positionOf, checked } = read(text, options, 'parseLayer', 'layer', check, ({ place, value }) => [
    { place, value, check: check as Part['check'] },
  ]);
  return { layer: checked, options: value as Layer, positionOf };
}

function read<T>(
  text: string,
  options: ParseOptions,
  reader: string,
  root: string,
  check: (value: never) => T,
  partsOf: (text: PolicyText) => Iterable<Part>,
): { readonly value: unknown; readonly checked: T; positionOf(option: string): Position | undefined } {
  if (typeof text !== 'string') throw optionTypeError('text', 'a string', text);
  checkOptions(reader, options, ['file']);
  const file = options.file === undefined ? root : checkString('file', options.file);
  const positionOf = positionsIn(text, file, root);
  const json = readValidJson(text, check);
  if (json !== undefined) return { ...json, positionOf };
  const parsed = new PolicyText(text, file, root);
  const value = withoutSchema(parsed.value);
  return { value, checked: parsed.check(check, partsOf), positionOf };
}

/** A valid policy in JSON; `undefined` for any other text. */
export function parseValidJson(text: string, file: string): ParsedPolicy | undefined {
  const json = readValidJson(text, definePolicy);
  return json && parsedPolicy(text, file, json.value as PolicyOptions, json.checked);
}

/** The result of {@link parsePolicy} for a text whose content is known. */
export function parsedPolicy(text: string, file: string, options: PolicyOptions, policy: Policy): ParsedPolicy {
  return { policy, options, positionOf: positionsIn(text, file, 'policy') };
}

/** The tree is made on the first call, since it is large and most callers need no positions. */
function positionsIn(text: string, file: string, root: string): ParsedPolicy['positionOf'] {
  let tree: PolicyText | undefined;
  return (option) => {
    tree ??= new PolicyText(text, file, root);
    return tree.positionOf(option);
  };
}

function readValidJson<T>(
  text: string,
  check: (value: never) => T,
): { readonly value: unknown; readonly checked: T } | undefined {
  const value = withoutSchema(readPlainJson(text));
  try {
    return value === undefined ? undefined : { value, checked: check(value as never) };
  } catch {
    // Only a tree finds all problems, with their positions.
    return undefined;
  }
}

function withoutSchema(value: unknown): unknown {
  if (isObject(value)) delete value['$schema'];
  return value;
}

const LAYERS = ['plans', 'regions', 'environments', 'accounts'] as const;

/** One part for each layer, so that a wrong layer among thousands does not cause checks of all others. */
function* partsOfPolicy({ value, place, tree }: PolicyText): Generator<Part> {
  const check = (value: unknown) => definePolicy(value as PolicyOptions);
  if (!isObject(value)) {
    yield { place, value, check };
    return;
  }
  const base = { ...value };
  for (const kind of LAYERS) if (isObject(base[kind])) base[kind] = withNamesAlone(base[kind]);
  yield { place, value: base, check };
  for (const kind of LAYERS) {
    const layers = value[kind];
    if (!isObject(layers)) continue;
    const [parent] = placesOf(`policy.${kind}`, place, tree);
    for (const layer of placesIn(parent, tree)) {
      const name = String(layer.keys.at(-1));
      yield {
        place: { ...layer, keys: [] },
        value: layers[name],
        check: (value) => definePolicy({ quotas: 'unlimited', [kind]: new Map([[name, value as Layer]]) }),
      };
    }
  }
}

/**
 * The layers with their categories and kinds of subjects, without their limits: the policy checks these names against
 * each other.
 */
function withNamesAlone(layers: Record<string, unknown>): Record<string, unknown> {
  const named = Object.entries(layers).flatMap(([name, layer]) => {
    if (name === '' || !isObject(layer)) return [];
    const [categories, each] = [layer['categories'], layer['each']].map(unlimited);
    return categories === undefined && each === undefined ? [] : [[name, { categories, each }] as const];
  });
  return Object.fromEntries(named);
}

function unlimited(entries: unknown): Record<string, unknown> | undefined {
  const names = isObject(entries) ? Object.keys(entries).filter((name) => name !== '') : [];
  return names.length === 0 ? undefined : Object.fromEntries(names.map((name) => [name, 'unlimited']));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The value of a text in JSON without duplicate names; `undefined` for any other text. It takes at most a tenth of the
 * time of YAML, and gives no positions.
 */
function readPlainJson(text: string): unknown {
  if (!/^\s*\{/.test(text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  // `JSON.parse` keeps only one of two equal names.
  return countColons(text) === countNames(value) ? value : undefined;
}

function countNames(value: unknown): number {
  const left = [value];
  let names = 0;
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== 'object' || next === null) continue;
    const parts: unknown[] = Object.values(next);
    if (!Array.isArray(next)) names += parts.length;
    for (const part of parts) left.push(part);
  }
  return names;
}

/** The colons outside of strings: one for each name. */
function countColons(json: string): number {
  let colons = 0;
  let isString = false;
  for (let index = 0; index < json.length; index++) {
    const unit = json.charCodeAt(index);
    if (isString && unit === BACKSLASH) index++;
    else if (unit === QUOTE) isString = !isString;
    else if (unit === COLON && !isString) colons++;
  }
  return colons;
}

const QUOTE = 34;
const COLON = 58;
const BACKSLASH = 92;
