import { type CounterSpec, type Outcome, Quota, type Store, Throttle, type ThrottleOptions } from '@tollgate/core';
import { expect } from 'vitest';

/** A limit of 4 in ten seconds. By default, three violations in a minute halve it for five seconds. */
export function legs(throttle: Partial<ThrottleOptions> | false = {}, name = 'legs'): CounterSpec {
  const quotas = [new Quota({ limit: 4, windowMs: 10_000 })];
  return throttle === false ? { name, quotas } : { name, quotas, throttle: new Throttle({ ...HALVED, ...throttle }) };
}

/** Charges a cost that never fits, `times` times, and returns the last answer. */
export async function violate(
  { store }: { readonly store: Store },
  counters: readonly CounterSpec[],
  times = 1,
): Promise<Outcome> {
  let outcome = await store.consume('a', counters, 5);
  for (let time = 1; time < times; time++) outcome = await store.consume('a', counters, 5);
  expect(outcome.allowed).toBe(false);
  return outcome;
}

export const DAY_MS = 86_400_000;

const HALVED = { afterViolations: 3, withinMs: 60_000, forMs: 5000, factor: 0.5 };
