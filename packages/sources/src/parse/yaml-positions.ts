import { showName } from '@tollgate/core/kit';
import { isMap, isScalar, isSeq, type ParsedNode } from 'yaml';
import type { TreeReader } from './yaml-value.js';

/** Where an option stands in a tree. */
export interface Place {
  /** What errors call it. */
  readonly path: string;
  /** How to get to its value from that of the tree. */
  readonly keys: readonly (string | number)[];
  readonly node: ParsedNode | null;
  /** Of its name in the text, or of itself where it is an item of a list. */
  readonly offset: number;
}

/**
 * The places below `from` that the path may mean, or else the one that comes nearest, which is `from` at the worst. There
 * can be several, since names of many characters are shortened in paths, and a name may contain a dot.
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

/** The options of a map, or the items of a list; what an alias refers to stands where it was first written. */
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

/** Of a name that is empty, errors say `<the map> key`. */
function isEmptyName({ path, keys }: Place, wanted: string): boolean {
  return keys.at(-1) === '' && `${path.slice(0, -'.""'.length)} key` === wanted;
}
