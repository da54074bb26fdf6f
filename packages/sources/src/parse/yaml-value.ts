import { showName } from '@tollgate/core/kit';
import { isAlias, isMap, isScalar, isSeq, type ParsedNode, type YAMLMap } from 'yaml';
import { NO_NAME } from './yaml-text.js';

/** Reports a problem at an offset of the text. */
export type ReportProblem = (message: string, offset: number) => void;

/**
 * Converts a tree to its value. An alias becomes the same object as its anchor, so a short text can have a value that
 * is too large to walk. After {@link MAX_REPEATED} repeated parts, aliases are not followed.
 */
export class TreeReader {
  readonly #report: ReportProblem;
  readonly #anchored = new Map<string, Anchored>();
  readonly #targets = new Map<ParsedNode, ParsedNode>();
  /** False when a part of the value is missing. */
  isWhole = true;
  #parts = 0;
  #repeated = 0;

  constructor(report: ReportProblem) {
    this.#report = report;
  }

  /** The node itself, or the node that it is an alias of. Call {@link read} first. */
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
    if (anchored !== undefined) anchored.result = { value, parts: this.#parts - before + 1 };
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
        this.#report(NO_NAME, key.range[0]);
      } else if (Object.hasOwn(map, name)) {
        this.#report(`Expected \`${showName(name)}\` once, got it again`, key.range[0]);
      } else {
        // An assignment to `__proto__` would set the prototype.
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
    if (anchored?.result === undefined) {
      const what = anchored === undefined ? 'none' : 'one that contains it';
      this.#report(`Expected \`*${showName(name)}\` to refer to an earlier anchor, got ${what}`, offset);
      this.isWhole = false;
      return undefined;
    }
    const { value, parts } = anchored.result;
    const repeatedBefore = this.#repeated;
    this.#repeated += parts;
    if (this.#repeated > MAX_REPEATED) {
      if (repeatedBefore <= MAX_REPEATED) {
        this.#report(`Expected aliases to repeat at most ${MAX_REPEATED} parts, got more`, offset);
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
  /** Set when the whole node has been read. */
  result?: { readonly value: unknown; readonly parts: number };
}

const MAX_REPEATED = 1_000_000;
