import { stripVTControlCharacters } from 'node:util';

/** Rows of cells as lines, their columns aligned, two spaces apart. In `numbers` are the columns that are aligned by their end. */
export function alignedRows(
  rows: readonly (readonly string[])[],
  indent = '',
  numbers: ReadonlySet<number> = new Set(),
): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  }
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const spaces = ' '.repeat(widths[column]! - widthOf(cell));
        return numbers.has(column) ? spaces + cell : cell + spaces;
      })
      .join('  ');
  return rows.map((row) => `${indent}${line(row)}`.trimEnd()).join('\n');
}

/** In characters, as far as terminals agree on what one is. */
function widthOf(cell: string): number {
  return [...stripVTControlCharacters(cell)].length;
}
