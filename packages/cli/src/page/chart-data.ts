import type { UsageReport } from '@tollgate/core/usage';
import { plainCategory } from '../words/index.js';
import type { Bar } from './bars.js';

/** The data of the charts. Counts are requests. */
export interface ChartData {
  /** When each bar begins, in milliseconds since the epoch. */
  readonly startsAt: readonly number[];
  readonly barMs: number;
  readonly groups: readonly GroupData[];
  /** Refused requests of all categories, for each bar. */
  readonly refused: readonly number[];
}

/** A category, or all small ones together. */
export interface GroupData {
  readonly name: string;
  /** The number of a colour of the page, from 0. */
  readonly color: number;
  /** Admitted requests, for each bar. */
  readonly admitted: readonly number[];
  readonly totals: { readonly admitted: number; readonly refused: number };
}

/** More colours would be hard to distinguish. Further categories are one group. */
const COLORS = 6;

/** The most used categories have a group each. The rest is one group, in the colour after the last. */
export function chartData({ categories }: UsageReport, barMs: number, bars: readonly Bar[]): ChartData {
  // A single further category needs no group of the rest.
  const own = categories.length <= COLORS + 1 ? categories.length : COLORS;
  const groupOf = new Map(categories.map(({ category }, index) => [category, Math.min(index, own)]));
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
  for (const [bar, { steps }] of bars.entries()) {
    for (const counts of steps.flatMap(({ categories }) => categories)) {
      admitted[groupOf.get(counts.category)!]![bar]! += counts.admitted;
      refused[bar]! += counts.refused;
    }
  }
  const startsAt = bars.map(({ at }) => at);
  return { startsAt, barMs, groups: groups.map((group, index) => ({ ...group, admitted: admitted[index]! })), refused };
}

function sum(of: readonly Readonly<Record<'admitted' | 'refused', number>>[], what: 'admitted' | 'refused'): number {
  return of.reduce((total, counts) => total + counts[what], 0);
}
