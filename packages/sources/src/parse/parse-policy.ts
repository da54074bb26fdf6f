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
import { readPlainJson } from './plain-json.js';
import type { Position } from './policy-file-error.js';
import { PolicyText } from './policy-text.js';
import { placesIn, placesOf } from './yaml-positions.js';

export interface ParseOptions {
  /** What errors call the text. Default: `policy`, or `layer`. */
  readonly file?: string;
}

interface Parsed {
  /**
   * Where an option stands in the text, as errors and `policy.explain` call it, such as `policy.plans.gold.quotas`: its name,
   * or itself where it is an item of a list. `undefined`: the text does not have it.
   */
  positionOf(option: string): Position | undefined;
}

/** A policy and the text that it was read from. */
export interface ParsedPolicy extends Parsed {
  readonly policy: Policy;
  /** What the text says, as {@link definePolicy} takes it. */
  readonly options: PolicyOptions;
}

/** What holds for one account, and the text that it was read from. */
export interface ParsedLayer extends Parsed {
  readonly layer: AccountLayer;
  /** What the text says, as {@link defineAccountLayer} takes it. */
  readonly options: Layer;
}

/**
 * Reads a policy from a text in JSON or YAML 1.2. It says what {@link definePolicy} takes, the windows in milliseconds; a
 * `$schema` beside it is for editors, and is left out. Names are taken as they are written: an account may be called `007`.
 * An option that occurs twice is an error, and so are tags of YAML that JSON has no use for.
 *
 * @throws PolicyFileError `TOLLGATE_POLICY_FILE` with all that is wrong and where, not only the first of it.
 *
 * @example
 * const { policy } = parsePolicy('quotas: [{ limit: 100, windowMs: 60000 }]');
 */
export function parsePolicy(text: string, options: ParseOptions = {}): ParsedPolicy {
  const { value, positionOf, checked } = read(text, options, 'parsePolicy', 'policy', definePolicy, partsOfPolicy);
  return { policy: checked, options: value as PolicyOptions, positionOf };
}

/**
 * Reads what holds for a single account, as an entry of a policy's `accounts` would be read; errors call it `layer`.
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
  // A large tree is not kept for those who never ask where something stands.
  let asked: PolicyText | undefined;
  const positionOf = (option: string) => {
    asked ??= new PolicyText(text, file, root);
    return asked.positionOf(option);
  };
  const json = withoutSchema(readPlainJson(text));
  try {
    if (json !== undefined) return { value: json, checked: check(json as never), positionOf };
  } catch {
    // All that is wrong is told below, with its places.
  }
  const parsed = new PolicyText(text, file, root);
  const value = withoutSchema(parsed.value);
  return { value, checked: parsed.check(check, partsOf), positionOf };
}

function withoutSchema(value: unknown): unknown {
  if (isObject(value)) delete value['$schema'];
  return value;
}

const LAYERS = ['plans', 'regions', 'environments', 'accounts'] as const;

/** Layer by layer, so that one wrong layer among thousands does not have them all checked again. */
function* partsOfPolicy({ value, place, tree }: PolicyText): Generator<Part> {
  const check = (value: unknown) => definePolicy(value as PolicyOptions);
  if (!isObject(value)) {
    yield { place, value, check };
    return;
  }
  const base = { ...value };
  for (const kind of LAYERS) if (isObject(base[kind])) delete base[kind];
  yield { place, value: base, check };
  for (const kind of LAYERS) {
    const layers = value[kind];
    if (!isObject(layers)) continue;
    const [parent] = placesOf(`policy.${kind}`, place, tree);
    for (const at of placesIn(parent, tree)) {
      const name = String(at.keys.at(-1));
      yield {
        place: { ...at, keys: [] },
        value: layers[name],
        check: (layer) => definePolicy({ quotas: 'unlimited', [kind]: new Map([[name, layer as Layer]]) }),
      };
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
