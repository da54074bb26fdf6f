import type { CounterSpec } from '@tollgate/core';
import { entryOf } from '@tollgate/core/kit';

/** The account that a counter of a charge belongs to. */
export function ownerOf(counter: CounterSpec, account: string): string {
  return counter.account ?? account;
}

/** Whether the counters of a charge may belong to several accounts. */
export function joinsAccounts(counters: readonly CounterSpec[]): boolean {
  for (const { account } of counters) if (account !== undefined) return true;
  return false;
}

/** The accounts of the counters of a charge, each once. */
export function ownersOf(account: string, counters: readonly CounterSpec[]): ReadonlySet<string> {
  const owners = new Set<string>();
  for (const counter of counters) owners.add(ownerOf(counter, account));
  return owners;
}

/** The counter alone: the same array each time, by which what is known of it is found. */
export function onlyOf(counter: CounterSpec): readonly CounterSpec[] {
  return entryOf(ALONE, counter, () => [counter]);
}

const ALONE = new WeakMap<CounterSpec, readonly CounterSpec[]>();

/**
 * Whether two charges name the same counters, limits and costs. Charges with the same limits have the same array,
 * except for those with subjects or of several accounts.
 */
export function areSame(some: readonly CounterSpec[], others: readonly CounterSpec[]): boolean {
  if (some.length !== others.length) return false;
  // The last counter is usually the one that differs.
  for (let place = some.length - 1; place >= 0; place--) {
    const [one, other] = [some[place]!, others[place]!];
    if (one === other) continue;
    if (one.name !== other.name || one.quotas !== other.quotas || one.throttle !== other.throttle) return false;
    if (one.account !== other.account || one.cost !== other.cost) return false;
  }
  return true;
}
