import { shownText } from '../words/index.js';

/** A line of a file with its number, and a caret below one of its columns, which count from 1. */
export function quotedLine(text: string, line: number, column: number): string {
  const from = Math.max(0, column - 1 - BEFORE);
  const cut = (start: number, end: number) => shownText(text.slice(start, end).replaceAll('\t', ' '));
  const before = `${from > 0 ? '…' : ''}${cut(from, column - 1)}`;
  const after = `${cut(column - 1, column - 1 + AFTER)}${text.length > column - 1 + AFTER ? '…' : ''}`;
  const gutter = `${line} | `;
  return `${gutter}${before}${after}\n${' '.repeat(gutter.length - 2)}| ${' '.repeat([...before].length)}^`;
}

/** How much of a long line is shown, in UTF-16 units. */
const BEFORE = 60;
const AFTER = 60;
