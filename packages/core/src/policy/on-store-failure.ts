import { checkOneOf, checkOptions, checkString } from '../check.js';
import { optionRangeError, optionTypeError, showName } from '../errors.js';
import { type CounterSpec, Quota, wholePart } from '../store/index.js';

/**
 * What decides while the store fails: `'local'` counts in the memory of this process, `'allow'` lets every request
 * pass, `'deny'` answers every request with 503.
 */
export type StoreFailureMode = 'local' | 'allow' | 'deny';

/** A mode by category. */
export interface StoreFailureModes {
  /** The mode of every category that `categories` does not name: default `'local'`. */
  readonly default?: StoreFailureMode;
  readonly categories?: Readonly<Record<string, StoreFailureMode>>;
}

/** The checked options `onStoreFailure` and `localShare`. */
export class StoreFailurePlan {
  readonly #default: StoreFailureMode;
  readonly #categories = new Map<string, StoreFailureMode>();
  readonly #localShare: number;

  constructor(path: string, modes: unknown = 'local', localShare: unknown = 1) {
    const { default: other = 'local', categories = {} } = optionsOf(`${path}.onStoreFailure`, modes);
    this.#default = checkOneOf(`${path}.onStoreFailure.default`, other, MODES);
    for (const [category, mode] of Object.entries(checkOptions(`${path}.onStoreFailure.categories`, categories))) {
      checkString(`${path}.onStoreFailure.categories key`, category);
      const option = `${path}.onStoreFailure.categories.${showName(category)}`;
      this.#categories.set(category, checkOneOf(option, mode as StoreFailureMode, MODES));
    }
    this.#localShare = checkShare(`${path}.localShare`, localShare);
  }

  /** The categories with a mode of their own. */
  get categories(): Iterable<string> {
    return this.#categories.keys();
  }

  modeOf(category: string): StoreFailureMode {
    return this.#categories.get(category) ?? this.#default;
  }

  /** With a share of 1 this is the same list. */
  localCounters(counters: readonly CounterSpec[]): readonly CounterSpec[] {
    if (this.#localShare === 1) return counters;
    return counters.map(({ quotas, ...counter }) => ({
      ...counter,
      quotas: quotas.map(
        ({ limit, windowMs, slices, name }) => new Quota({ limit: this.localLimit(limit), windowMs, slices, name }),
      ),
    }));
  }

  /** This process's share of a limit: rounded down, but at least 1 unless the limit is 0. */
  localLimit(limit: number): number {
    if (limit === 0) return 0;
    return Math.max(1, wholePart(limit, this.#localShare));
  }
}

const MODES: readonly StoreFailureMode[] = ['local', 'allow', 'deny'];

function optionsOf(path: string, modes: unknown): StoreFailureModes {
  if (typeof modes === 'string') return { default: checkOneOf(path, modes as StoreFailureMode, MODES) };
  return checkOptions(path, modes, ['default', 'categories']) as StoreFailureModes;
}

function checkShare(option: string, share: unknown): number {
  const rule = 'a number above 0 and at most 1';
  if (typeof share !== 'number') throw optionTypeError(option, rule, share);
  if (!(share > 0 && share <= 1)) throw optionRangeError(option, rule, share);
  return share;
}
