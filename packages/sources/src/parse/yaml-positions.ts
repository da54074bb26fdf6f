import { showName } from '@tollgate/core/kit';
import { isMap, isScalar, isSeq, type ParsedNode } from 'yaml';
import type { TreeReader } from './yaml-value.js';

/** The place of an option in a tree. */
export interface Place {
  /** The name of the option in errors. */
  readonly path: string;
  /** The keys from the value of the tree to the value of the option. */
  readonly keys: readonly (string | number)[];
  readonly node: ParsedNode | null;
  /** The offset of the name in the text; of the item itself in a list. */
  readonly offset: number;
}

/**
 * The places at or below `from` whose path matches; without a match, the deepest place on the way to it. Several places
 * can match: paths shorten long names, and a name may contain a dot.
 */
export function placesOf(path: string, from: Place, tree: TreeReader): readonly [Place, ...Place[]] {
  const exact: Place[] = [];
  let nearest = from;
  const search = (place: Place) => {
    if (place.path === path || isEmptyName(place, path)) {
      exact.push(place);
      return;
    }
    if (!begins(path, place.path)) return;
    if (place.keys.length > nearest.keys.length) nearest = place;
    for (const child of placesIn(place, tree)) search(child);
  };
  search(from);
  const [first, ...more] = exact;
  return first === undefined ? [nearest] : [first, ...more];
}

/** The options of a map, or the items of a list. The content of an alias is at its anchor. */
export function* placesIn({ path, keys, node, offset }: Place, tree: TreeReader): Generator<Place> {
  const target = tree.target(node);
  if (isMap<ParsedNode, ParsedNode | null>(target)) {
    for (const { key, value } of target.items) {
      const name = isScalar(key) ? String(key.value) : '';
      yield { path: `${path}.${showName(name)}`, keys: [...keys, name], node: value, offset: key.range[0] };
    }
  } else if (isSeq<ParsedNode>(target)) {
    for (const [index, item] of target.items.entries()) {
      yield { path: `${path}[${index}]`, keys: [...keys, index], node: item, offset: item?.range[0] ?? offset };
    }
  }
}

function begins(path: string, start: string): boolean {
  return path.startsWith(start) && /^[.[ ]/.test(path.slice(start.length, start.length + 1));
}

/** Errors name an option with an empty name `<the map> key`. */
function isEmptyName({ path, keys }: Place, wanted: string): boolean {
  return keys.at(-1) === '' && `${path.slice(0, -'.""'.length)} key` === wanted;
}
