/** Whether this is `npm run test:long`. */
export const isLong: boolean = process.env['TOLLGATE_TEST_EFFORT'] === 'long';

/**
 * How many random cases a property plays: all of `numRuns` with `npm run test:long`, else a quarter of them.
 * A property with few cases plays 50, or all that it has.
 */
export function runsFor(numRuns: number): number {
  return isLong ? numRuns : Math.min(numRuns, Math.max(50, Math.ceil(numRuns / 4)));
}
