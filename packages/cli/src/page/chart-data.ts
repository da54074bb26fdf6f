/** What a page's charts are drawn from: names are shown as they are, and counts are requests. */
export interface ChartData {
  /** The bars over time. */
  readonly startsAt: readonly number[];
  readonly barMs: number;
  readonly groups: readonly GroupData[];
  /** Of all categories, for each bar. */
  readonly refused: readonly number[];
}

/** A category, or several small ones together. */
export interface GroupData {
  readonly name: string;
  /** Which of the page's colours, from 0. */
  readonly color: number;
  /** For each bar. */
  readonly admitted: readonly number[];
  readonly totals: { readonly admitted: number; readonly refused: number };
}
