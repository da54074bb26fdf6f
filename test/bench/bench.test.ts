import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GivenOrStarted, givenOrStarted } from '../redis-servers/given-or-started.js';

let redis: GivenOrStarted;
beforeAll(async () => {
  redis = await givenOrStarted();
});
afterAll(() => redis.stop());

interface Table {
  readonly title: string;
  /** The cells of each row, by its first cell. */
  readonly rows: ReadonlyMap<string, readonly string[]>;
}

/** Runs one part, and reads the tables that it prints. */
async function tablesOf(part: string): Promise<Table[]> {
  const { stdout } = await promisify(execFile)('node', ['packages/bench/dist/main.js', part, '--smoke'], {
    env: { ...process.env, REDIS_URL: redis.url },
  });
  return stdout
    .split(/\n\n(?=[^\n]+\n\n\|)/)
    .slice(1)
    .map((text) => {
      const [title = '', , , , ...lines] = text.split('\n');
      const rows = lines.filter((line) => line.startsWith('|')).map((line) => line.split('|').slice(1, -1));
      return {
        title,
        rows: new Map(rows.map(([name = '', ...cells]) => [name.trim(), cells.map((cell) => cell.trim())])),
      };
    });
}

/** Expects every number to be above 0. */
function expectFigures({ title, rows }: Table): void {
  for (const [name, cells] of rows) {
    const numbers = cells.filter((cell) => cell !== '–').flatMap((cell) => cell.split(' to '));
    expect(numbers.length, `${title}: ${name}`).toBeGreaterThan(0);
    for (const number of numbers) expect(Number(number.replaceAll(',', '')), `${title}: ${name}`).toBeGreaterThan(0);
  }
}

const IN_MEMORY = [
  'tollgate RateLimiter',
  'tollgate RateLimiter, usage',
  'express-rate-limit',
  '@fastify/rate-limit',
  'rate-limiter-flexible',
  'hitlimit',
];
const ON_REDIS = ['tollgate', 'rate-limit-redis', '@fastify/rate-limit', 'rate-limiter-flexible', 'hitlimit'];

describe('a smoke run of the bench', () => {
  test.concurrent.each([
    {
      part: 'memory',
      titles: [
        '1,000 accounts, admitted',
        '1,000 accounts, refused',
        'bytes per account',
        'flat in limit and window',
        'bytes allocated',
      ],
      contenders: ['Map get and set', ...IN_MEMORY],
    },
    { part: 'pauses', titles: ['Longest pause'], contenders: [] },
    {
      part: 'http',
      titles: ['express, admitted', 'express, refused', 'fastify, admitted', 'fastify, refused'],
      contenders: ['bare', 'bare, again', 'constant headers', 'tollgate', 'rate-limiter-flexible', 'hitlimit'],
    },
    {
      part: 'redis',
      titles: [
        'distinct accounts',
        'one hot account',
        'one refused account',
        'distinct, total',
        'distinct, throttle',
        'service and subjects',
        '1 in flight',
        'server time',
        'flat in limit and window',
        'write-back',
      ],
      contenders: ['EVALSHA return 1', ...ON_REDIS],
    },
  ])('$part prints every table, with every contender', { timeout: 120_000 }, async ({ part, titles, contenders }) => {
    const tables = await tablesOf(part);
    expect(tables.map(({ title }) => title)).toEqual(titles.map((title) => expect.stringContaining(title)));
    for (const table of tables) expectFigures(table);
    // The first table has every contender; in a smoke run the others have few.
    expect([...tables[0]!.rows.keys()]).toEqual(expect.arrayContaining(contenders));
  });

  test('an unknown part ends the bench with an error message', async () => {
    const run = promisify(execFile)('node', ['packages/bench/dist/main.js', 'disk']);
    await expect(run).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('There is no part disk') });
  });
});
