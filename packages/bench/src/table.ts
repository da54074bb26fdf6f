import type { Spread } from './spread.js';

export type Cell = string | undefined;

/** Prints a Markdown table with aligned columns. The first column is text, the others are numbers. */
export function printTable(title: string, head: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const all = [head, ...rows.map((row) => row.map((cell) => cell ?? '–'))];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  console.log(`\n${title}\n\n${[line(all[0]!), rule, ...all.slice(1).map(line)].join('\n')}`);
}

/** Two or three significant digits, and all digits of a large integer: `0.042`, `1.24`, `36.1`, `655`, `1,108,703`. */
export function figure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  if (value >= 10) return value.toFixed(1);
  return value >= 0.1 || value === 0 ? value.toFixed(2) : value.toFixed(3);
}

/** Two cells: the median, and `least to most`. */
export function spreadCells({ median, least, most }: Spread): [string, string] {
  return [figure(median), `${figure(least)} to ${figure(most)}`];
}
