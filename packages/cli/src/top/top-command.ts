import type { UsageTop } from '@tollgate/core/usage';
import type { Command } from 'commander';
import { answer } from '../answer.js';
import { UsageError } from '../exit-codes.js';
import { addRedisOptions, shownServer, withLimits } from '../redis/index.js';
import { parseDuration } from '../words/index.js';
import { topFrame } from './top-frame.js';
import { MOST_ROWS, type TopOptions } from './top-options.js';

/** Adds `top`. */
export function addTopCommand(program: Command): void {
  const top = program
    .command('top')
    .description('show who is nearest to the limits and who is refused most, live')
    .option('--every <time>', 'how often to look, such as 500ms or 5s', parseEvery, 2000)
    .option('--rows <count>', 'how many of each, at most 100 (default: as many as fit, else 10)', parseRows)
    .option('--once', 'print it once and end; so it does where the output is no terminal')
    .addHelpText(
      'after',
      `
Services count when they are made with \`usage: true\`, and bring it every ten seconds unless told otherwise. What is
shown is of this minute and the one before. q or Ctrl-C ends it, and leaves the terminal as it was.

Examples:
  tollgate top
  tollgate top --once --rows 50`,
    )
    .action(runTop);
  addRedisOptions(top).option('--json', 'print one JSON document, once');
}

async function runTop(options: TopOptions): Promise<void> {
  const { once, json } = options;
  const isLive = !once && !json && process.stdout.isTTY && process.env['TERM'] !== 'dumb';
  if (isLive) {
    const { liveTop } = await import('./live-top.js');
    return liveTop(options);
  }
  await withLimits(options, async ({ client, url }) => {
    const { RedisUsage } = await import('@tollgate/redis');
    const { prefix, timeout: timeoutMs, rows = 10 } = options;
    const usage = new RedisUsage({ client, prefix, timeoutMs });
    try {
      const top: UsageTop = await usage.top({ limit: rows });
      answer(options, top, () => {
        const { isTTY, columns } = process.stdout;
        const isColored = isTTY && process.stdout.hasColors();
        return topFrame(top, { columns, rows, isColored, server: shownServer(url), alarms: [] }).join('\n');
      });
    } finally {
      await usage.close();
    }
  });
}

function parseEvery(typed: string): number {
  const everyMs = parseDuration(typed, '--every');
  if (everyMs < 100 || everyMs > 3_600_000) throw new UsageError('Expected --every to be from 100ms to 1h');
  return everyMs;
}

function parseRows(typed: string): number {
  const rows = /^\d{1,3}$/.test(typed) ? Number(typed) : 0;
  if (rows < 1 || rows > MOST_ROWS) throw new UsageError(`Expected --rows to be a whole number from 1 to ${MOST_ROWS}`);
  return rows;
}
