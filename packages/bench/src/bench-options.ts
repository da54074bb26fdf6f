import { parseArgs } from 'node:util';

export const PARTS = ['memory', 'pauses', 'http', 'redis', 'layouts', 'calls'] as const;
export type Part = (typeof PARTS)[number];

export interface BenchOptions {
  readonly parts: readonly Part[];
  /** Rounds of each table. Default: the part's own number. */
  readonly rounds: number | undefined;
  /** Does so little work that it takes seconds: every table is printed, and its figures mean nothing. */
  readonly smoke: boolean;
  /** Measures only tables whose title contains this. Default: all. */
  readonly only: string | undefined;
}

export const USAGE: string = `Usage: npm run bench -- [${PARTS.join('|')} …] [--rounds=N] [--only=WORD] [--smoke]

  --rounds=N   measured rounds, after one round to warm up
  --only=WORD  only tables whose title contains the word, such as 1,000,000, bytes, flat, express, refused or hot
  --smoke      takes seconds instead of minutes, to check that everything runs

The default is all parts except layouts and calls. redis and layouts use the server of REDIS_URL, or else start one.`;

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
  const parts = positionals.length > 0 ? (positionals as Part[]) : PARTS.filter((part) => !ON_REQUEST.has(part));
  return { parts, rounds, smoke: values.smoke, only: values.only };
}

const ON_REQUEST: ReadonlySet<Part> = new Set(['layouts', 'calls']);

export function isAsked({ only }: BenchOptions, title: string): boolean {
  return only === undefined || title.includes(only);
}

/** The contenders of a table. In a smoke run, most contenders are only in one table, which is enough to run each. */
export function contendersOf({ smoke }: BenchOptions, names: readonly string[]): readonly string[] {
  return smoke ? names.filter((name) => IN_EVERY_TABLE.has(name)) : names;
}

const IN_EVERY_TABLE: ReadonlySet<string> = new Set(['Map get and set', 'tollgate RateLimiter', 'tollgate']);

/** A table's own number of rounds, unless an option sets it. A smoke run measures nothing, so it does not warm up. */
export function roundsOf(options: BenchOptions, rounds: number): { readonly rounds: number; readonly warmUps: number } {
  return options.smoke ? { rounds: 1, warmUps: 0 } : { rounds: options.rounds ?? rounds, warmUps: 1 };
}
