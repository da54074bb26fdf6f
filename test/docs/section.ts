import { expect } from 'vitest';

/** What stands under a heading, up to the next one of its level or above. */
export function section(text: string, heading: string): string {
  const level = /^#+/.exec(heading)![0].length;
  const from = text.indexOf(`\n${heading}\n`);
  expect(from, heading).toBeGreaterThanOrEqual(0);
  const rest = text.slice(from + heading.length + 2);
  const to = rest.search(new RegExp(`^#{1,${level}} `, 'm'));
  return to < 0 ? rest : rest.slice(0, to);
}

/** The rows of the first table of a text, by the words that head its columns. */
export function tableOf(text: string): Record<string, string>[] {
  const lines = text.slice(text.search(/^\|/m)).split('\n');
  const end = lines.findIndex((line) => !line.startsWith('|'));
  const [head, , ...rows] = lines.slice(0, end < 0 ? undefined : end).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return rows.map((row) => Object.fromEntries(row.map((cell, at) => [head![at]!, cell])));
}
