/** What stands for every name beyond the bound. */
export const OTHER = '_OTHER';

/**
 * The names that may become attributes: those of a list, or the first so many that come, and `_OTHER` for all the rest. A
 * name keeps its series for as long as it is told at all: which accounts are busiest changes, and a counter must not.
 */
export class BoundedNames {
  readonly #names: Set<string>;
  readonly #most: number;

  constructor(names: readonly string[] | number) {
    this.#names = new Set(typeof names === 'number' ? [] : names);
    this.#most = typeof names === 'number' ? names : 0;
  }

  labelOf(name: string): string {
    if (this.#names.has(name)) return name;
    if (this.#names.size >= this.#most || name.length > LONGEST) return OTHER;
    this.#names.add(name);
    return name;
  }
}

const LONGEST = 128;
