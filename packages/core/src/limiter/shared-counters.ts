import { entryOf } from '../entry-of.js';
import type { Policy, PolicyOptions } from '../policy/index.js';
import type { Store } from '../store/index.js';
import { warn } from '../warnings.js';

/** A limiter among those of its name on one store: they all charge the same counters. */
export class CounterSharer {
  /** As the program gave it: two limiters of one policy share their counters on purpose. */
  policy: Policy | PolicyOptions;
  isOpen = true;

  constructor(policy: Policy | PolicyOptions) {
    this.policy = policy;
  }
}

/**
 * Notes a limiter on a store. Reports, once for each store and name, that another open limiter there has the same name
 * and another policy: each of them limits by what the other has admitted.
 */
export function noteSharer(store: Store, name: string, policy: Policy | PolicyOptions): CounterSharer {
  const sharer = new CounterSharer(policy);
  const named = entryOf(sharers, store, () => new Map<string, Named>());
  const known = named.get(name);
  // A program that makes names up at run time must not fill the memory.
  if (known === undefined && named.size >= MOST_NAMES) return sharer;
  const other = known?.latest.deref();
  const meets = other?.isOpen === true && other.policy !== policy;
  if (meets && !known?.isReported) {
    warn(
      'TOLLGATE_SHARED_COUNTERS',
      `Two limiters with the name ${name} and different policies share the counters of one store. ` +
        'Give each a name of its own, or the same policy object to both',
    );
  }
  named.set(name, { latest: new WeakRef(sharer), isReported: meets || known?.isReported === true });
  return sharer;
}

interface Named {
  /** A limiter that nobody uses any more need not be closed. */
  readonly latest: WeakRef<CounterSharer>;
  readonly isReported: boolean;
}

const sharers = new WeakMap<Store, Map<string, Named>>();
const MOST_NAMES = 1000;
