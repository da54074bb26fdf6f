/** The middle of some samples, and how far the least and the most lie from it. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spreadOf(samples: readonly number[]): Spread {
  if (samples.length === 0) throw new Error('There is no sample');
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
  return { median: middle, least: sorted[0]!, most: sorted.at(-1)! };
}

/** `of` by `to`, sample by sample: both were taken in the same round, so what disturbed one disturbed the other. */
export function ratios(of: readonly number[], to: readonly number[]): Spread {
  return spreadOf(of.map((sample, round) => sample / to[round]!));
}

export function percentile(samples: readonly number[] | Float64Array, share: number): number {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}
