import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pages, ROOT, readPage } from './fences.js';

const FENCES = /^( *)```.*?^\1```$/gms;

/** The anchors of a page's headings, in GitHub's form. */
function anchorsOf(page: string): string[] {
  const headings = readPage(page)
    .replace(FENCES, '')
    .matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The links of a page to other places in the repository that lead nowhere. */
function brokenLinks(page: string): string[] {
  const links = readPage(page)
    .replace(FENCES, '')
    .matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g);
  return [...links].flatMap(([, link]) => {
    if (/^[a-z]+:/.test(link!)) return [];
    const [path = '', anchor] = link!.split('#');
    const target = path === '' ? page : join(dirname(page), path).replace(/\/$/, '');
    if (!existsSync(join(ROOT, target))) return [link!];
    if (anchor === undefined || statSync(join(ROOT, target)).isDirectory()) return [];
    return anchorsOf(target).includes(anchor) ? [] : [link!];
  });
}

describe('the links in the documentation', () => {
  it.each(pages())('in %s lead somewhere', (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it('reach every page of docs/ from the README', () => {
    const links = readPage('README.md').matchAll(/\]\((docs\/[\w.-]+)/g);
    const linked = [...links].map(([, link]) => link!);
    const found = pages().filter((page) => /^docs\/[^/]+\.md$/.test(page) && !linked.includes(page));
    expect(found).toEqual([]);
  });
});
