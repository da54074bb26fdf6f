import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, RunningServer } from '../redis-servers/standalone.js';
import { type Example, examples, unchecked } from './examples.js';
import { pages, ROOT } from './fences.js';
import { StrictProgram } from './strict-program.js';

const all = pages().flatMap(examples);
const named = (example: Example) => [example.page, example.line, example] as const;

/** All examples, compiled together once. */
const program = new StrictProgram();
let redis: RunningServer;
beforeAll(async () => {
  // A server that nobody has used: what the examples print depends on it.
  redis = await RunningServer.start();
  const sources = new Map<string, string>();
  for (const example of all) sources.set(example.name, await withFreePorts(withImports(example)));
  await program.compile(sources);
}, 120_000);
afterAll(async () => {
  await redis?.stop();
  program.dispose();
});

/** The example with the relative imports of a file of the repository leading to where they would. */
function withImports({ source, file, page, line }: Example): string {
  if (file === undefined) return source;
  const before = examples(page).findLast((other) => other.line < line);
  return source.replace(/(?<=from ')(\.\.?)\/([^']+)/g, (path, dots) =>
    dots === '.' ? `./${before?.name}.js` : relative(program.folder, join(ROOT, dirname(file), path)),
  );
}

/** The ports that examples listen on, replaced by free ones. */
async function withFreePorts(source: string): Promise<string> {
  let replaced = source;
  for (const port of ['3000', '9464']) {
    const place = new RegExp(`(?<=listen\\(|port: |localhost:|127\\.0\\.0\\.1:)${port}\\b`, 'g');
    replaced = replaced.replace(place, String(await freePort()));
  }
  return replaced;
}

/**
 * Runs an example in a folder of its own. Returns its output; rejects unless it ends with success within 20 s, and
 * without a warning of a mistake in its policy.
 */
async function run({ name }: Example): Promise<string> {
  const cwd = join(program.folder, name);
  mkdirSync(cwd, { recursive: true });
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program.compiled(name)], {
    cwd,
    timeout: 20_000,
    env: { ...process.env, REDIS_URL: redis.url },
  });
  expect(stderr).not.toMatch(/TOLLGATE_(UNKNOWN_NAME|LIMIT_DROPPED)/);
  return stdout;
}

/** Matches the output that the lines of a page stand for. */
function outputOf(prints: readonly string[]): RegExp {
  const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const lines = prints.map((shown) => (shown === '…' ? '(?:.*\n)*' : `${shown.split('…').map(literal).join('.*')}\n`));
  return new RegExp(`^${lines.join('')}$`);
}

describe('the examples in the documentation', () => {
  it('are in the README of each package that programs import, and in the pages', () => {
    const libraries = ['core', 'express', 'fastify', 'redis', 'opentelemetry', 'sources'];
    for (const page of ['README.md', ...libraries.map((name) => `packages/${name}/README.md`)]) {
      expect(examples(page), page).not.toEqual([]);
    }
    expect(all.length).toBeGreaterThan(20);
  });

  it.each(pages())('%s shows programs in fences `ts` alone, which are checked', (page) => {
    const found = unchecked(page).map(({ info, line }) => `${page}:${line} is a fence \`${info}\``);
    expect(found).toEqual([]);
  });

  it.each(all.map(named))('%s:%d compiles in strict mode', (page, _line, example) => {
    const problems = program.problemsOf(example.name).map((problem) => `${page}${problem}`);
    expect(problems).toEqual([]);
  });

  it.each(all.filter(({ runs }) => runs).map(named))(
    '%s:%d prints what the page shows',
    // An example on Redis has the usual deadline of 100 ms, which a busy machine may miss once.
    { retry: 1 },
    async (_page, _line, example) => {
      const output = await run(example);
      // The comparison of lines is for its message.
      if (!outputOf(example.prints).test(output)) expect(output.split('\n').slice(0, -1)).toEqual(example.prints);
    },
  );

  it('begin with one of at most 15 lines, without the printed lines, that ends in a refusal', () => {
    const [first] = examples('README.md');
    const lines = first!.source.trim().split('\n');
    expect(lines.filter((line) => !line.startsWith('// prints: ')).length).toBeLessThanOrEqual(15);
    expect(first!.prints.at(-1)).toMatch(/^429 \{.*"http_code":429,.*"code":"RATE_LIMIT_EXCEEDED"/);
  });
});
