import type { HeldLimits, LimitsChange } from '@tollgate/redis';
import type { Command } from 'commander';
import { NegativeResult, UsageError } from '../exit-codes.js';
import { printResult } from '../output.js';
import { type PreviousLimits, withRedis } from '../redis/index.js';
import { alignedRows, layerRows, parseName, shownInstant, shownName, shownText } from '../words/index.js';
import { type LimitsOptions, limitsCommand } from './limits-options.js';

/** Adds `limits get`, `limits list` and `limits history`. */
export function addLimitsShow(limits: Command): void {
  limitsCommand(limits, 'get', 'show the limits of an account')
    .argument('<account>', 'the account')
    .addHelpText('after', '\nExits with 1 when Redis has none.\n\nExample:\n  tollgate limits get ameyo5m')
    .action((account: string, options: LimitsOptions) => runGet(parseName(account), options));

  limitsCommand(limits, 'list', 'show the limits of all accounts')
    .addHelpText('after', '\nExample:\n  tollgate limits list')
    .action(runList);

  limitsCommand(limits, 'history', 'show the latest changes, the newest first')
    .argument('[account]', 'only changes of this account')
    .option('--last <count>', 'how many changes, at most 1000', parseCount, 20)
    .addHelpText('after', '\nExamples:\n  tollgate limits history\n  tollgate limits history ameyo5m --last 5')
    .action((account: string | undefined, options: HistoryOptions) => runHistory(account, options));
}

interface HistoryOptions extends LimitsOptions {
  readonly last: number;
}

async function runGet(account: string, options: LimitsOptions): Promise<void> {
  await withRedis(options, async ({ limits }) => {
    const stored = await limits.get(account);
    if (stored === undefined) throw noLimits(account);
    printResult(options, stored, () => `${shownName(account)}\n${limitsInWords(stored)}`);
  });
}

async function runList(options: LimitsOptions): Promise<void> {
  await withRedis(options, async ({ limits }) => {
    const all: HeldLimits[] = [];
    for await (const stored of limits.list()) all.push(stored);
    all.sort((one, other) => (one.account < other.account ? -1 : 1));
    printResult(options, { suspension: limits.suspension ?? null, limits: all }, () => {
      if (all.length === 0) return 'Redis has no limits of single accounts.';
      const rows = all.map(({ account, layer, version, at, by = '' }) => {
        return [shownName(account), inOneLine(layer), `${version}`, shownInstant(at), shownText(by)];
      });
      return alignedRows([['account', 'limits', 'version', 'set at', 'by'], ...rows]);
    });
  });
}

async function runHistory(typed: string | undefined, options: HistoryOptions): Promise<void> {
  const account = typed === undefined ? undefined : parseName(typed);
  await withRedis(options, async ({ limits }) => {
    const { last } = options;
    const changes = await limits.history({ ...(account !== undefined && { account }), last });
    printResult(options, changes, () => {
      if (changes.length === 0) return 'No changes are stored.';
      return alignedRows([['version', 'at', 'by', 'change', 'account', 'to'], ...changes.map(changeRow)]);
    });
  });
}

function changeRow({ version, at, by = '', change, account, layer, reason }: LimitsChange): string[] {
  const to = layer === undefined ? shownText(reason ?? '') : inOneLine(layer);
  return [`${version}`, shownInstant(at), shownText(by), change, account === undefined ? '' : shownName(account), to];
}

function inOneLine(layer: HeldLimits['layer']): string {
  return layerRows(layer)
    .map((row) => row.join(' '))
    .join('; ');
}

/** The limits, their version and who set them, over several lines. */
export function limitsInWords(stored: Exclude<PreviousLimits, undefined>): string {
  if (stored === 'unreadable') return '  limits that cannot be read';
  const { layer, version, by, at } = stored;
  const who = by === undefined ? '' : ` by ${shownText(by)}`;
  return `${alignedRows(layerRows(layer), '  ')}\n  version ${version}, set at ${shownInstant(at)}${who}`;
}

export function noLimits(account: string): NegativeResult {
  return new NegativeResult(`Redis has no limits of ${shownName(account)}`);
}

function parseCount(typed: string): number {
  const count = /^\d{1,4}$/.test(typed) ? Number(typed) : 0;
  if (count < 1 || count > MAX_CHANGES) {
    throw new UsageError(`Expected --last to be a whole number from 1 to ${MAX_CHANGES}`);
  }
  return count;
}

/** As many changes as Redis stores. */
const MAX_CHANGES = 1000;
