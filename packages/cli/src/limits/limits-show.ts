import type { LimitsChange, StoredLimits } from '@tollgate/redis';
import type { Command } from 'commander';
import { answer } from '../answer.js';
import { Refusal, UsageError } from '../exit-codes.js';
import { withLimits } from '../redis/index.js';
import { alignedRows, layerRows, parseName, shownInstant, shownName, shownText } from '../words/index.js';
import { type LimitsOptions, limitsCommand } from './limits-options.js';
import { heldInWords } from './stored-limits-words.js';

/** Adds `limits get`, `limits list` and `limits history`. */
export function addLimitsShow(limits: Command): void {
  limitsCommand(limits, 'get', "show an account's limits")
    .argument('<account>', 'the account')
    .addHelpText('after', '\nExits with 1 when Redis holds none for it.\n\nExample:\n  tollgate limits get ameyo5m')
    .action((account: string, options: LimitsOptions) => runGet(parseName(account), options));

  limitsCommand(limits, 'list', 'show the limits of all accounts')
    .addHelpText('after', '\nExample:\n  tollgate limits list')
    .action(runList);

  limitsCommand(limits, 'history', 'show the latest changes, the newest first')
    .argument('[account]', 'of this account alone')
    .option('--last <count>', 'how many changes, at most 1000', parseCount, 20)
    .addHelpText('after', '\nExamples:\n  tollgate limits history\n  tollgate limits history ameyo5m --last 5')
    .action((account: string | undefined, options: HistoryOptions) => runHistory(account, options));
}

interface HistoryOptions extends LimitsOptions {
  readonly last: number;
}

async function runGet(account: string, options: LimitsOptions): Promise<void> {
  await withLimits(options, async ({ limits }) => {
    const held = await limits.get(account);
    if (held === undefined) throw new Refusal(`Redis holds no limits of ${shownName(account)}`);
    answer(options, held, () => `${shownName(account)}\n${heldInWords(held)}`);
  });
}

async function runList(options: LimitsOptions): Promise<void> {
  await withLimits(options, async ({ limits }) => {
    const all: StoredLimits[] = [];
    for await (const held of limits.list()) all.push(held);
    all.sort(byAccount);
    answer(options, { suspension: limits.suspension ?? null, limits: all }, () => {
      if (all.length === 0) return 'Redis holds no limits of single accounts.';
      const rows = all.map(({ account, layer, version, at, by = '' }) => {
        return [shownName(account), inOneLine(layer), `${version}`, shownInstant(at), shownText(by)];
      });
      return alignedRows([['account', 'limits', 'version', 'set at', 'by'], ...rows]);
    });
  });
}

async function runHistory(typed: string | undefined, options: HistoryOptions): Promise<void> {
  const account = typed === undefined ? undefined : parseName(typed);
  await withLimits(options, async ({ limits }) => {
    const { last } = options;
    const changes = await limits.history({ ...(account !== undefined && { account }), last });
    answer(options, changes, () => {
      if (changes.length === 0) return 'Nothing has changed that is still remembered.';
      return alignedRows([['version', 'at', 'by', 'change', 'account', 'to'], ...changes.map(rowOf)]);
    });
  });
}

function rowOf({ version, at, by = '', change, account, layer, reason }: LimitsChange): string[] {
  const to = layer === undefined ? shownText(reason ?? '') : inOneLine(layer);
  return [`${version}`, shownInstant(at), shownText(by), change, account === undefined ? '' : shownName(account), to];
}

function inOneLine(layer: StoredLimits['layer']): string {
  return layerRows(layer)
    .map((row) => row.join(' '))
    .join('; ');
}

function byAccount(one: StoredLimits, other: StoredLimits): number {
  return one.account < other.account ? -1 : 1;
}

function parseCount(typed: string): number {
  const count = /^\d{1,4}$/.test(typed) ? Number(typed) : 0;
  if (count < 1 || count > REMEMBERED) {
    throw new UsageError(`Expected --last to be a whole number from 1 to ${REMEMBERED}`);
  }
  return count;
}

/** As many changes as Redis remembers. */
const REMEMBERED = 1000;
