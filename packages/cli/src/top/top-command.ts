import type { Command } from 'commander';
import { UsageError } from '../exit-codes.js';
import { printResult } from '../output.js';
import { addRedisOptions, shownServer, withRedis } from '../redis/index.js';
import { parseDuration } from '../words/index.js';
import type { TopOptions } from './live-top.js';
import { MAX_ROWS, topFrame } from './top-frame.js';

/** Adds `top`. */
export function addTopCommand(program: Command): void {
  const top = program
    .command('top')
    .description('show who is nearest to the limits and who is refused most, live')
    .option('--every <time>', 'the time between two looks, such as 500ms or 5s', parseEvery, 2000)
    .option('--rows <count>', 'rows of each list, at most 100 (default: as many as fit, else 10)', parseRows)
    .option('--once', 'print once and end, as it does when the output is not a terminal')
    .addHelpText(
      'after',
      `
Services count when they are made with \`usage: true\`, and send their counts every ten seconds by default. The lists are
of this minute and the one before. q or Ctrl-C ends it, and leaves the terminal as it was.

Examples:
  tollgate top
  tollgate top --once --rows 50`,
    )
    .action(runTop);
  addRedisOptions(top).option('--json', 'print one JSON document, once');
}

async function runTop(options: TopOptions): Promise<void> {
  const { once, json, rows = 10 } = options;
  const isLive = !once && !json && process.stdout.isTTY && process.env['TERM'] !== 'dumb';
  if (isLive) {
    const { liveTop } = await import('./live-top.js');
    return liveTop(options);
  }
  await withRedis(options, async ({ usage, url }) => {
    const top = await usage.top({ limit: rows });
    printResult(options, top, () => {
      const { isTTY, columns } = process.stdout;
      const isColored = isTTY && process.stdout.hasColors();
      return topFrame(top, { columns, rows, isColored, server: shownServer(url), alarms: [] }).join('\n');
    });
  });
}

function parseEvery(typed: string): number {
  const everyMs = parseDuration(typed, '--every');
  if (everyMs < 100 || everyMs > 3_600_000) throw new UsageError('Expected --every to be from 100ms to 1h');
  return everyMs;
}

function parseRows(typed: string): number {
  const rows = /^\d{1,3}$/.test(typed) ? Number(typed) : 0;
  if (rows < 1 || rows > MAX_ROWS) throw new UsageError(`Expected --rows to be a whole number from 1 to ${MAX_ROWS}`);
  return rows;
}
