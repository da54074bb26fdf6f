import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT: string = new URL('../..', import.meta.url).pathname;

/** A program that a page shows, and what the page says that it prints. */
export interface Fence {
  readonly page: string;
  readonly line: number;
  readonly source: string;
  readonly prints: readonly string[];
}

/** The pages whose programs run as pasted. */
export function pages(): string[] {
  const docs = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
  return [
    'README.md',
    ...['core', 'express', 'fastify', 'redis', 'opentelemetry', 'sources'].map((name) => `packages/${name}/README.md`),
    ...docs.map((name) => `docs/${name}`),
  ];
}

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

export function fences(page: string): Fence[] {
  const text = readPage(page);
  return [...text.matchAll(/^```js\n(.*?)^```$/gms)].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length,
    source: match[1]!,
    prints: [...match[1]!.matchAll(/^\/\/ prints: (.*)$/gm)].map((print) => print[1]!),
  }));
}
