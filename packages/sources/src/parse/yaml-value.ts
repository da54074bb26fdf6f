import { showName } from '@tollgate/core/kit';
import { isAlias, isMap, isScalar, isSeq, type ParsedNode, type YAMLMap } from 'yaml';
import { NO_NAME } from './yaml-text.js';

/** A problem at an offset of the text. */
export type Complaint = (message: string, offset: number) => void;

/**
 * The value that a tree stands for. What an alias refers to is the same object in every place, so a short text can stand
 * for a value too large to walk: past {@link MAX_REPEATED} repeated parts, aliases are not followed any more.
 */
export class TreeReader {
  readonly #complain: Complaint;
  readonly #anchored = new Map<string, Anchored>();
  readonly #targets = new Map<ParsedNode, ParsedNode>();
  /** False where a part of the value is missing. */
  isWhole = true;
  #parts = 0;
  #repeated = 0;

  constructor(complain: Complaint) {
    this.#complain = complain;
  }

  /** The node itself, or the one that it is an alias of. To be asked after {@link read}. */
  target(node: ParsedNode | null): ParsedNode | null {
    return node === null ? null : (this.#targets.get(node) ?? node);
  }

  read(node: ParsedNode | null): unknown {
    this.#parts++;
    if (node === null) return null;
    if (isAlias(node)) return this.#follow(node, node.source, node.range[0]);
    const anchored: Anchored | undefined = node.anchor === undefined ? undefined : { node };
    if (anchored !== undefined) this.#anchored.set(node.anchor!, anchored);
    const before = this.#parts;
    const value = isMap(node) ? this.#readMap(node) : isSeq(node) ? this.#readList(node.items) : node.value;
    if (anchored !== undefined) anchored.known = { value, parts: this.#parts - before + 1 };
    return value;
  }

  #readList(items: readonly ParsedNode[]): unknown[] {
    return items.map((item) => this.read(item));
  }

  #readMap({ items }: YAMLMap.Parsed): object {
    const map = {};
    for (const { key, value } of items) {
      const name = isScalar(key) ? key.value : undefined;
      if (typeof name !== 'string') {
        this.#complain(NO_NAME, key.range[0]);
      } else if (Object.hasOwn(map, name)) {
        this.#complain(`Expected \`${showName(name)}\` once, got it again`, key.range[0]);
      } else {
        // By assignment, `__proto__` would not become a name like any other.
        Object.defineProperty(map, name, {
          value: this.read(value),
          enumerable: true,
          configurable: true,
          writable: true,
        });
      }
    }
    return map;
  }

  #follow(alias: ParsedNode, name: string, offset: number): unknown {
    const anchored = this.#anchored.get(name);
    if (anchored?.known === undefined) {
      const what = anchored === undefined ? 'nothing that stands before it' : 'what it is a part of';
      this.#complain(`Expected \`*${showName(name)}\` to refer to an anchor, got ${what}`, offset);
      this.isWhole = false;
      return undefined;
    }
    const { value, parts } = anchored.known;
    const repeatedBefore = this.#repeated;
    this.#repeated += parts;
    if (this.#repeated > MAX_REPEATED) {
      if (repeatedBefore <= MAX_REPEATED) {
        this.#complain(`Expected aliases to repeat at most ${MAX_REPEATED} parts, got more`, offset);
      }
      this.isWhole = false;
      return undefined;
    }
    this.#parts += parts;
    this.#targets.set(alias, anchored.node);
    return value;
  }
}

interface Anchored {
  readonly node: ParsedNode;
  /** Once the node has been read to its end. */
  known?: { readonly value: unknown; readonly parts: number };
}

const MAX_REPEATED = 1_000_000;
