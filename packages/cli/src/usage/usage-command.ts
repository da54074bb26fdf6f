import { writeFile } from 'node:fs/promises';
import { readUsage, type UsageReport, type UsageStepName } from '@tollgate/core/usage';
import { type Command, Option } from 'commander';
import { DONE, NO, UsageError } from '../exit-codes.js';
import { type OutputOptions, printResult } from '../output.js';
import { addRedisOptions, type RedisOptions, withRedis } from '../redis/index.js';
import { version } from '../version.js';
import { parseName, shownText } from '../words/index.js';
import { type SpanOptions, spanOf } from './usage-span.js';
import { headOf, usageCsv, usageInWords } from './usage-text.js';

interface UsageOptions extends RedisOptions, OutputOptions, SpanOptions {
  readonly address?: string;
  readonly limiter?: string;
  readonly step: UsageStepName;
  readonly csv?: boolean;
  readonly html?: string;
}

/** Adds `usage`. */
export function addUsageCommand(program: Command): void {
  const usage = program
    .command('usage')
    .description('show the requests of an account: totals, categories, peaks, and suggested limits')
    .argument('[account]', 'the account')
    .option('--address <address>', 'requests without an account that came from this address', parseName)
    .option('--limiter <name>', 'the limiter that has counted (default: one without a name)')
    .option('--last <time>', 'the time until now, or until --to, such as 12h or 30d (default: 7d)')
    .option('--from <instant>', 'the start, such as 2026-11-17 or 2026-11-17T09:30; UTC unless it has an offset')
    .option('--to <instant>', 'the end (default: now)')
    .addOption(
      new Option('--step <length>', 'the steps of the series over time')
        .choices(['minute', 'hour', 'day'])
        .default('hour'),
    )
    .option('--csv', 'print the series as CSV: a row for each step and category')
    .option('--html <file>', 'write a page as a single file, to open and to forward; - for stdout')
    .addHelpText(
      'after',
      `
Services count when they are made with \`usage: true\`. Exits with 1 when no requests are known.

Examples:
  tollgate usage ameyo5m --last 30d
  tollgate usage ameyo5m --from 2026-11-01 --to 2026-12-01 --html november.html
  tollgate usage ameyo5m --last 1d --step minute --csv`,
    )
    .action((account: string | undefined, options: UsageOptions) => runUsage(account, options));
  addRedisOptions(usage).option('--json', 'print one JSON document');
}

async function runUsage(typed: string | undefined, options: UsageOptions): Promise<void> {
  const { address, limiter, step, json, csv, html } = options;
  if ((typed === undefined) === (address === undefined)) {
    throw new UsageError('Expected either an account, or --address');
  }
  if (Number(json ?? false) + Number(csv ?? false) + Number(html === '-') > 1) {
    throw new UsageError('Expected one of --json, --csv and --html -, since each prints something else');
  }
  const now = Date.now();
  const span = spanOf(options, now);
  const who = typed === undefined ? { address: address! } : { account: parseName(typed) };

  await withRedis(options, async ({ usage }) => {
    const report = await readUsage(usage, { ...who, limiter, ...span, step });
    await printReport(report, options, now);
    process.exitCode = report.totals.requests > 0 ? DONE : NO;
  });
}

async function printReport(report: UsageReport, options: UsageOptions, madeAt: number): Promise<void> {
  const { json, csv, html } = options;
  if (html !== undefined) {
    // Imported here, since it reads three files that no other output needs.
    const { usagePage } = await import('../page/index.js');
    const page = usagePage(report, { madeAt, version: version() });
    if (html === '-') process.stdout.write(page);
    else await writePage(html, page);
  }
  if (csv) process.stdout.write(usageCsv(report));
  else if (json || html === undefined) printResult(options, report, () => usageInWords(report));
  else if (html !== '-') process.stdout.write(`${headOf(report)}\nWrote ${shownText(html)}.\n`);
}

async function writePage(file: string, page: string): Promise<void> {
  try {
    await writeFile(file, page);
  } catch (error) {
    throw new UsageError(`${shownText(file)} cannot be written: ${(error as Error).message}`);
  }
}
