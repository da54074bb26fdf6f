import { putPlaceholder } from './placeholder.js';
import { MAX_PROBLEMS } from './policy-file-error.js';
import { type Place, placesOf } from './yaml-positions.js';
import type { TreeReader } from './yaml-value.js';

/** A part of a text that can be checked separately. */
export interface Part {
  readonly place: Place;
  /** Modified by {@link findProblems}, which replaces what is wrong. */
  readonly value: unknown;
  /** Throws the first problem. */
  check(value: unknown): unknown;
}

/** A problem at an offset of the text. */
export interface FoundProblem {
  readonly message: string;
  readonly option?: string;
  readonly offset: number;
}

/**
 * The problems of a part, up to a bound. A check stops at the first problem. So each problem is noted and replaced by a
 * valid value, and the check runs again.
 */
export function findProblems({ place: whole, value, check }: Part, tree: TreeReader): FoundProblem[] {
  const found: FoundProblem[] = [];
  const holder = { value };
  const next = () => thrownBy(() => check(holder.value));
  let error = next();
  while (error !== undefined && found.length < MAX_PROBLEMS) {
    const { message, option } = error;
    const places = option === undefined ? ([whole] as const) : placesOf(option, whole, tree);
    const repaired = repair(error, places);
    const { offset } = repaired?.place ?? places[0];
    found.push(option === undefined ? { message, offset } : { message, option, offset });
    error = repaired?.next;
  }
  return found;

  /**
   * Several places may have the option's name. The wrong one is where a placeholder changes the error, else a parent.
   */
  function repair({ option, message }: Thrown, places: readonly [Place, ...Place[]]) {
    const [first] = places;
    const attempts = places.map((place) => ({ place, keys: [...place.keys, ...missing(option, place)] }));
    for (let length = first.keys.length; length > 0; length--) {
      attempts.push({ place: first, keys: first.keys.slice(0, length) });
    }
    for (const { place, keys } of attempts.slice(0, MAX_ATTEMPTS)) {
      const undo = putPlaceholder(holder, ['value', ...keys]);
      const then = next();
      if (then?.message !== message || then.option !== option) return { place, next: then };
      undo?.();
    }
    return undefined;
  }
}

const MAX_ATTEMPTS = 16;

/** The name of a required option that is absent. */
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
