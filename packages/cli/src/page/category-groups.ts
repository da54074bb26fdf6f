import type { UsageReport } from '@tollgate/core/usage';
import { plainCategory } from '../words/index.js';
import type { Bar } from './bars.js';
import type { ChartData, GroupData } from './chart-data.js';

/** As many categories as colours that can be told apart; further ones are drawn together. */
export const COLORS = 6;

/** The charts' data: the most used categories each, and the rest together in the colour after the last. */
export function chartData({ categories }: UsageReport, barMs: number, bars: readonly Bar[]): ChartData {
  // One more is no reason to have a rest.
  const own = categories.length <= COLORS + 1 ? categories.length : COLORS;
  const groupOf = new Map(categories.map(({ category }, at) => [category, Math.min(at, own)]));
  const groups: GroupData[] = categories.slice(0, own).map(({ category, admitted, refused }, color) => {
    return { name: plainCategory(category), color, admitted: [], totals: { admitted, refused } };
  });
  const rest = categories.slice(own);
  if (rest.length > 0) {
    const totals = { admitted: sum(rest, 'admitted'), refused: sum(rest, 'refused') };
    groups.push({ name: `${rest.length} more`, color: COLORS, admitted: [], totals });
  }

  const admitted = groups.map(() => new Array<number>(bars.length).fill(0));
  const refused = new Array<number>(bars.length).fill(0);
  for (const [at, { steps }] of bars.entries()) {
    for (const counts of steps.flatMap(({ categories }) => categories)) {
      admitted[groupOf.get(counts.category)!]![at]! += counts.admitted;
      refused[at]! += counts.refused;
    }
  }
  const startsAt = bars.map(({ at }) => at);
  return { startsAt, barMs, groups: groups.map((group, at) => ({ ...group, admitted: admitted[at]! })), refused };
}

function sum(of: readonly Readonly<Record<'admitted' | 'refused', number>>[], what: 'admitted' | 'refused'): number {
  return of.reduce((total, counts) => total + counts[what], 0);
}
