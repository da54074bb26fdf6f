import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Words that a reader whose first language is not English stumbles over, with what to write instead. */
const BANNED: Readonly<Record<string, string>> = {
  told: 'notified, reported, passed',
  tell: 'notify, report, show',
  tells: 'notifies, reports, shows',
  held: 'stored, kept, pending',
  said: 'stated, returned, set',
  speak: 'use a protocol, describe',
  speaks: 'uses a protocol, describes',
  spoken: 'used, described',
  knows: 'stores, contains, has',
  whoever: 'the caller, the reader',
  surely: 'leave it out',
  'at hand': 'available, in memory',
  'is none': 'does not exist',
  'of a charge that': 'of the charge',
  'by itself': 'without help, automatically',
  'no one': 'nobody, nothing',
};

/** Where a banned word is right: the file, the line's text or a part of it, and the reason. */
const EXCEPTIONS: readonly { readonly file: string; readonly text: string; readonly reason: string }[] = [
  ...[
    ['packages/cli/src/policy/explanation-words.ts', 'readonly held: number | null;'],
    ['packages/cli/src/policy/explanation-words.ts', 'held: version,'],
    ['packages/cli/src/policy/policy-explain.ts', 'held: stored?.version'],
    ['test/cli/policy/policy.test.ts', 'held: null,'],
  ].map(([file, text]) => ({ file: file!, text: text!, reason: 'a field of `tollgate policy explain --json`' })),
];

/** This file, which has to name the words. */
const SELF = 'test/docs/plain-english.test.ts';

const ENDS = /\.(ts|mjs|lua|md|css)$/;
const FOLDERS = ['docs', 'test', ...packages('src'), 'packages/cli/page'];
const FILES = [
  ...['README.md', ...packages('README.md')],
  ...FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  ),
].filter((file) => ENDS.test(file) && file !== SELF);

/** Between the words of a phrase a comment may go on in the next line. */
const PATTERN = new RegExp(
  `\\b(${Object.keys(BANNED)
    .map((words) => words.replaceAll(' ', '[\\s*/]+'))
    .join('|')})\\b`,
  'gi',
);

describe('comments, messages, titles and docs', () => {
  const found = FILES.flatMap(bannedIn);

  it('use no banned word', () => {
    expectNone(
      found
        .filter((hit) => !EXCEPTIONS.some((exception) => covers(exception, hit)))
        .map(({ file, line, words, text }) => `${file}:${line} "${words}" (${BANNED[words]}): ${text}`),
    );
  });

  it('need every exception that is listed', () => {
    expect(EXCEPTIONS.filter((exception) => !found.some((hit) => covers(exception, hit)))).toEqual([]);
  });
});

it('no line of a comment is longer than 120 characters', () => {
  expectNone(
    FILES.filter((file) => !file.endsWith('.md')).flatMap((file) =>
      linesOf(file).flatMap((text, index) => (text.length > 120 && COMMENT.test(text) ? [`${file}:${index + 1}`] : [])),
    ),
  );
});

it.each([
  ['It is told.', ['told']],
  ['toldLimiter, isHeld, KNOWS_ALL', ['told', 'held', 'knows']],
  ['nothing at\n   * hand', ['at hand']],
  ['the cost of a\n// charge that waits', ['of a charge that']],
  ['retold, withheld, a known one', []],
])('in %j it finds %j', (text, words) => {
  expect(search(text).map((hit) => hit.words)).toEqual(words);
});

interface Hit {
  readonly file: string;
  readonly line: number;
  readonly words: string;
  readonly text: string;
}

function bannedIn(file: string): Hit[] {
  const lines = linesOf(file);
  return search(lines.join('\n')).map(({ words, line }) => ({ file, line, words, text: lines[line - 1]!.trim() }));
}

/** Names count too: the parts of `toldLimiter` and `TOLD_LIMITER` are words. */
function search(text: string): { words: string; line: number }[] {
  const inWords = text.replaceAll(/(?<=[a-z\d])(?=[A-Z])|_/g, ' ');
  return [...inWords.matchAll(PATTERN)].map((match) => ({
    words: match[0].toLowerCase().replaceAll(/[\s*/]+/g, ' '),
    line: inWords.slice(0, match.index).split('\n').length,
  }));
}

function covers(exception: (typeof EXCEPTIONS)[number], { file, text }: Hit): boolean {
  return exception.file === file && text.includes(exception.text);
}

/** The failure lists every line, where a plain comparison shows the first ones. */
function expectNone(reported: readonly string[]): void {
  expect(reported, reported.join('\n')).toEqual([]);
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n');
}

function packages(inside: string): string[] {
  return readdirSync('packages')
    .map((name) => `packages/${name}/${inside}`)
    .filter((path) => existsSync(path));
}

/** A line of a block comment, or a line with a comment at its end. */
const COMMENT = /^\s*(\*|\/\*|\/\/|--)|\s\/\/\s/;
