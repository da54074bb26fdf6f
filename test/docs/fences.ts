import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT: string = new URL('../..', import.meta.url).pathname;

/** A block of code in a page. `line` is that of its opening marker. */
export interface Fence {
  readonly line: number;
  /** The words after the opening marker: a language, and what more the page says of the block. */
  readonly info: string;
  readonly source: string;
}

/** Every page that a reader of the repository may open. */
export function pages(): string[] {
  const readmes = readdirSync(join(ROOT, 'packages')).map((name) => `packages/${name}/README.md`);
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  return ['README.md', ...readmes.filter((page) => existsSync(join(ROOT, page))), ...docs];
}

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

export function fences(page: string): Fence[] {
  const text = readPage(page);
  return [...text.matchAll(/^( *)```([^\n]*)\n(.*?)^\1```$/gms)].map(({ 2: info, 3: source, index }) => ({
    line: text.slice(0, index).split('\n').length,
    info: info!.trim(),
    source: source!,
  }));
}
