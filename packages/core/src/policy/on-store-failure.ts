import { checkOneOf, checkOptions, checkString } from '../check.js';
import { optionRangeError, optionTypeError, showName } from '../errors.js';
import { type CounterSpec, Quota, wholePart } from '../store/index.js';

/**
 * What decides while the store fails: the limits, counted in the memory of this process; no one, so that every request
 * passes; or no one, so that every request is turned away as 503.
 */
export type StoreFailureMode = 'local' | 'allow' | 'deny';

/** A mode by category. */
export interface StoreFailureModes {
  /** Of every category that `categories` does not name: default `'local'`. */
  readonly default?: StoreFailureMode;
  readonly categories?: Readonly<Record<string, StoreFailureMode>>;
}

/** What a policy says of a failing store, checked. */
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

  modeOf(category: string): StoreFailureMode {
    return this.#categories.get(category) ?? this.#default;
  }

  /** The same list where the share is 1. */
  localCounters(counters: readonly CounterSpec[]): readonly CounterSpec[] {
    if (this.#localShare === 1) return counters;
    return counters.map(({ quotas, ...counter }) => ({
      ...counter,
      quotas: quotas.map(
        ({ limit, windowMs, slices, name }) => new Quota({ limit: this.localLimit(limit), windowMs, slices, name }),
      ),
    }));
  }

  /** This process's part of a limit: rounded down, but not to nothing. */
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
