import { putStandIn } from './placeholder.js';
import { MAX_PROBLEMS } from './policy-file-error.js';
import { type Place, placesOf } from './yaml-positions.js';
import type { TreeReader } from './yaml-value.js';

/** A part of a text that can be checked by itself. */
export interface Part {
  readonly place: Place;
  /** It will be changed: what is wrong in it is replaced. */
  readonly value: unknown;
  /** Throws the first thing that is wrong. */
  check(value: unknown): unknown;
}

/** A problem at an offset of the text. */
export interface Found {
  readonly message: string;
  readonly option?: string;
  readonly offset: number;
}

/**
 * All that is wrong with a part, up to a bound. A check stops at the first thing that is wrong, so that is noted and replaced
 * by something right, and the check begins anew.
 */
export function findProblems({ place: whole, value, check }: Part, tree: TreeReader): Found[] {
  const found: Found[] = [];
  const holder = { value };
  const next = () => thrownBy(() => check(holder.value));
  let error = next();
  while (error !== undefined && found.length < MAX_PROBLEMS) {
    const { message, option } = error;
    const places = option === undefined ? ([whole] as const) : placesOf(option, whole, tree);
    const mended = mend(error, places);
    const { offset } = mended?.place ?? places[0];
    found.push(option === undefined ? { message, offset } : { message, option, offset });
    error = mended?.next;
  }
  return found;

  /** Of several places, the guilty one is that whose replacement makes a difference; where none does, it is their parent. */
  function mend({ option, message }: Thrown, places: readonly [Place, ...Place[]]) {
    const [first] = places;
    const ways = places.map((place) => ({ place, keys: [...place.keys, ...missing(option, place)] }));
    for (let length = first.keys.length; length > 0; length--) {
      ways.push({ place: first, keys: first.keys.slice(0, length) });
    }
    for (const { place, keys } of ways.slice(0, MAX_WAYS)) {
      const undo = putStandIn(holder, ['value', ...keys]);
      const then = next();
      if (then?.message !== message || then.option !== option) return { place, next: then };
      undo?.();
    }
    return undefined;
  }
}

const MAX_WAYS = 16;

/** The name of an option that should be there and is not. */
function missing(option: string | undefined, { path }: Place): string[] {
  const rest = option?.startsWith(`${path}.`) ? option.slice(path.length + 1) : '';
  return /^\w+$/.test(rest) ? [rest] : [];
}

interface Thrown {
  readonly message: string;
  readonly option?: string;
}

function thrownBy(act: () => unknown): Thrown | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error as Thrown;
  }
}
