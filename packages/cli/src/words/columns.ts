/** Rows of cells as lines with aligned columns. Cells of the columns in `numbers` are aligned at their end. */
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
    row.map((cell, column) => padded(cell, widths[column]!, numbers.has(column) ? 'start' : 'end')).join('  ');
  return rows.map((row) => `${indent}${line(row)}`.trimEnd()).join('\n');
}

/** The columns that a text takes on a terminal: two for a wide character, none for a combining mark. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

/** The text, or its beginning and an ellipsis, in at most `columns`. */
export function clipped(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let shown = '';
  let width = 0;
  for (const character of text) {
    width += columnsOf(character);
    if (width > columns - 1) break;
    shown += character;
  }
  return columns < 1 ? '' : `${shown}…`;
}

/** The text with spaces at its end, or at its start, up to `columns`. */
export function padded(text: string, columns: number, at: 'start' | 'end' = 'end'): string {
  const spaces = ' '.repeat(Math.max(0, columns - widthOf(text)));
  return at === 'end' ? text + spaces : spaces + text;
}

function columnsOf(character: string): number {
  if (MARK.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

const MARK = /\p{Mn}|\p{Me}/u;
/** East Asian wide and full-width forms, and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
