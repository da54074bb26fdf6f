import { type Fence, fences } from './fences.js';

/** Pages whose examples are not checked yet, since they are being rewritten. */
export const PENDING: readonly string[] = [
  'docs/algorithm.md',
  'docs/benchmarks.md',
  'docs/decisions.md',
  'docs/policy.md',
  'docs/writing-a-store.md',
];

/**
 * An example: a program in TypeScript that a page shows in one fence `ts`, with the fences `ts continued` after it. A fence
 * `ts no-run` begins a program that is only compiled, such as one for a server that the reader has.
 */
export interface Example {
  readonly page: string;
  /** The line of the page at which the program begins. */
  readonly line: number;
  /** The program, each line at its number in the page. */
  readonly source: string;
  readonly runs: boolean;
  /** The lines that the program prints, in order, from its comments `// prints: …`. In each, `…` stands for any text. */
  readonly prints: readonly string[];
}

export function examples(page: string): Example[] {
  const all: { page: string; line: number; source: string; runs: boolean; prints: string[] }[] = [];
  for (const fence of fences(page)) {
    const [language, ...marks] = fence.info.split(' ');
    if (language !== 'ts') continue;
    const mark = marks.join(' ');
    if (mark === '' || mark === 'no-run') {
      all.push({ page, line: fence.line, source: '', runs: mark === '', prints: [] });
    } else if (mark !== 'continued') {
      throw new Error(
        `${page}:${fence.line} has a fence \`ts ${mark}\`: expected \`ts\`, \`ts continued\` or \`ts no-run\``,
      );
    }
    const example = all.at(-1);
    if (example === undefined)
      throw new Error(`${page}:${fence.line} continues an example, but is the first of the page`);
    const line = example.source.split('\n').length;
    example.source += '\n'.repeat(fence.line + 1 - line) + fence.source;
    example.prints.push(...[...fence.source.matchAll(/^ *\/\/ prints: (.*)$/gm)].map((print) => print[1]!));
  }
  return all;
}

/** The fences of a page that show a program in another form than a test can check. */
export function unchecked(page: string): Fence[] {
  return fences(page).filter(({ info }) => /^(js|javascript|mjs|cjs|jsx|tsx|typescript)\b/.test(info));
}
