import { parseArgs } from 'node:util';

export const PARTS = ['memory', 'pauses', 'http', 'redis', 'layouts'] as const;
export type Part = (typeof PARTS)[number];

export interface BenchOptions {
  readonly parts: readonly Part[];
  /** Rounds of each table; left out, each part's own number. */
  readonly rounds: number | undefined;
  /** So little work that it takes seconds. The figures then say nothing, but every table comes out. */
  readonly smoke: boolean;
  /** What is measured of the part, where a part has several tables; left out, all. */
  readonly only: string | undefined;
}

export const USAGE: string = `Usage: npm run bench -- [${PARTS.join('|')} …] [--rounds=N] [--only=WORD] [--smoke]

  --rounds=N   rounds that count, after one that warms up
  --only=WORD  only tables whose name has the word, such as 1,000,000, bytes, allocated, flat, express, refused or hot
  --smoke      seconds instead of minutes, to see that everything runs

Without a part, all are measured but layouts. redis and layouts use the server that REDIS_URL names, or start one.`;

export function readOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { rounds: { type: 'string' }, only: { type: 'string' }, smoke: { type: 'boolean', default: false } },
  });
  for (const part of positionals) {
    if (!PARTS.some((known) => known === part)) throw new Error(`There is no part ${part}\n\n${USAGE}`);
  }
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    throw new Error(`--rounds takes a number of at least 1, got ${values.rounds}`);
  }
  const parts = positionals.length > 0 ? (positionals as Part[]) : PARTS.filter((part) => part !== 'layouts');
  return { parts, rounds, smoke: values.smoke, only: values.only };
}

/** Whether a table of that name is asked for. */
export function isAsked({ only }: BenchOptions, table: string): boolean {
  return only === undefined || table.includes(only);
}

/** Which contenders of a table are measured. To see that all runs, it is enough that each of them is in some table. */
export function contendersOf({ smoke }: BenchOptions, names: readonly string[]): readonly string[] {
  return smoke ? names.filter((name) => IN_EVERY_TABLE.has(name)) : names;
}

const IN_EVERY_TABLE: ReadonlySet<string> = new Set(['Map get and set', 'tollgate RateLimiter', 'tollgate']);

/** How many rounds there are of a table that has so many unless told otherwise. Where nothing is measured, nothing is warm. */
export function roundsOf(
  { smoke, rounds }: BenchOptions,
  usual: number,
): { readonly rounds: number; readonly warmUps: number } {
  return smoke ? { rounds: 1, warmUps: 0 } : { rounds: rounds ?? usual, warmUps: 1 };
}
