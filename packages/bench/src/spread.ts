/** The median, smallest and largest of some samples. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spreadOf(samples: readonly number[]): Spread {
  if (samples.length === 0) throw new Error('There are no samples');
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
  return { median: middle, least: sorted[0]!, most: sorted.at(-1)! };
}

/** `of` divided by `to`, round by round, since both samples of a round met the same disturbances. */
export function ratios(of: readonly number[], to: readonly number[]): Spread {
  return spreadOf(of.map((sample, round) => sample / to[round]!));
}

export function percentile(samples: readonly number[] | Float64Array, share: number): number {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}
