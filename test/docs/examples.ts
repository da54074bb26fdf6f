import { type Fence, fences } from './fences.js';

/**
 * A module in TypeScript that a page shows. The words after the fence's opening marker say what it is:
 *
 * - `ts`: a whole program. It is compiled and run.
 * - `ts no-run`: a whole program that needs a server of the reader. It is compiled.
 * - `ts path/to/file.ts`: a file that the reader adds to the repository. It is compiled. Its import from `./…` is the
 *   example before it.
 * - `ts continued`: more of the example before it.
 *
 * A comment `// prints: …` is a line that the program prints. In it `…` stands for any text, and alone for any lines.
 */
export interface Example {
  readonly page: string;
  /** The line of the page at which the example begins. */
  readonly line: number;
  /** The module's name, without an ending. */
  readonly name: string;
  /** The module, each line at its number in the page. */
  readonly source: string;
  readonly runs: boolean;
  /** The file's place in the repository, if the page names it. */
  readonly file: string | undefined;
  readonly prints: readonly string[];
}

export function examples(page: string): Example[] {
  const found: Example[] = [];
  for (const { line, info, source } of fences(page)) {
    const [language, mark = '', ...more] = info.split(' ');
    if (language !== 'ts') continue;
    const isFile = mark.endsWith('.ts');
    if (more.length > 0 || !(isFile || ['', 'no-run', 'continued'].includes(mark))) {
      throw new Error(`${page}:${line} has a fence \`${info}\`, which is no kind of example`);
    }
    const begun = mark === 'continued' ? found.pop() : undefined;
    if (mark === 'continued' && begun === undefined) throw new Error(`${page}:${line} continues no example`);
    const before = begun?.source ?? '';
    const printed = [...source.matchAll(/^ *\/\/ prints: (.*)$/gm)].map((print) => print[1]!);
    found.push({
      page,
      line: begun?.line ?? line,
      name: begun?.name ?? `${page.replaceAll('/', '-').replace(/\.md$/, '')}-${line}`,
      source: before + '\n'.repeat(line + 1 - before.split('\n').length) + source,
      runs: begun?.runs ?? mark === '',
      file: begun?.file ?? (isFile ? mark : undefined),
      prints: [...(begun?.prints ?? []), ...printed],
    });
  }
  return found;
}

/** The fences of a page with programs that no test checks. */
export function unchecked(page: string): Fence[] {
  return fences(page).filter(({ info }) => /^(js|javascript|mjs|cjs|jsx|tsx|typescript)\b/.test(info));
}
