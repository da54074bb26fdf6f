/**
 * How often a function of the program has failed while a request was read for a limiter. Adapters count, and
 * `limiter.stats()` shows it. Kept beside the limiter, so that programs have no method for it.
 */
const failures = new WeakMap<object, number>();

export function countFunctionFailure(limiter: object): void {
  failures.set(limiter, functionFailuresOf(limiter) + 1);
}

export function functionFailuresOf(limiter: object): number {
  return failures.get(limiter) ?? 0;
}
