import { type Charge, type Decision, MemoryStore, RateLimiter, type RateLimiterOptions } from '@tollgate/core';
import { onTestFinished } from 'vitest';

/** A limiter in memory. Only the test moves its clock. It closes after the test. */
export function liveWorld(options: Omit<RateLimiterOptions, 'store'>) {
  const time = { now: 1e6 };
  const store = new MemoryStore({ clock: () => time.now });
  const limiter = new RateLimiter({ ...options, store });
  onTestFinished(() => limiter.close() as undefined);
  const consume = (charge: Partial<Charge> = {}): Decision =>
    limiter.consume({ account: 'ameyo5m', category: 'legs', ...charge } as Charge) as Decision;
  const allowed = (times: number, charge: Partial<Charge> = {}) =>
    Array.from({ length: times }, () => consume(charge).allowed);
  return { allowed, consume, limiter, store, time };
}

/** The warnings of the process, from now until the end of the test. */
export async function warnings(): Promise<string[]> {
  // Earlier warnings arrive one turn later.
  await nextTurn();
  const found: string[] = [];
  const note = (warning: Error) => found.push(warning.message);
  process.on('warning', note);
  onTestFinished(() => void process.off('warning', note));
  return found;
}

/** Warnings are emitted a turn later. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
