import type { Command } from 'commander';
import { answer } from '../answer.js';
import { Refusal } from '../exit-codes.js';
import { heldBefore, withLimits } from '../redis/index.js';
import { parseName, shownName } from '../words/index.js';
import { addWho, limitsCommand, type WhoOptions } from './limits-options.js';
import { addLimitsSet } from './limits-set.js';
import { addLimitsShow } from './limits-show.js';
import { beforeInWords } from './stored-limits-words.js';

/** Adds `limits` and what can be done with them. */
export function addLimitsCommands(program: Command): void {
  const limits = program
    .command('limits')
    .description('the limits of single accounts that Redis holds, for all services');
  addLimitsSet(limits);
  addLimitsShow(limits);

  addWho(limitsCommand(limits, 'delete', "delete an account's limits, so that the policy holds for it again"))
    .argument('<account>', 'the account')
    .addHelpText('after', '\nExample:\n  tollgate limits delete ameyo5m')
    .action((account: string, options: WhoOptions) => runDelete(parseName(account), options));

  addWho(limitsCommand(limits, 'suspend', 'let everyone through, in every service that uses these limits'))
    .requiredOption('--reason <text>', 'why; shown to everyone who looks')
    .addHelpText(
      'after',
      `
For when limiting itself does harm. Nothing is counted until \`tollgate limits resume\`.

Example:
  tollgate limits suspend --reason "limits refuse good traffic, ticket 4711"`,
    )
    .action(runSuspend);

  addWho(limitsCommand(limits, 'resume', 'limit again'))
    .addHelpText('after', '\nExample:\n  tollgate limits resume')
    .action(runResume);
}

async function runDelete(account: string, options: WhoOptions): Promise<void> {
  await withLimits(options, async ({ limits }) => {
    const before = await heldBefore(limits, account);
    const deleted = await limits.delete(account, { by: options.by });
    if (!deleted) throw new Refusal(`Redis holds no limits of ${shownName(account)}`);
    answer(options, { account, before: before ?? null }, () => {
      const what = before === undefined ? '' : `\n${beforeInWords(before)}`;
      return `Deleted the limits of ${shownName(account)}; the policy holds for it again. They were:${what}`;
    });
  });
}

async function runSuspend(options: WhoOptions & { readonly reason: string }): Promise<void> {
  await withLimits(options, async ({ limits }) => {
    const { by, reason } = options;
    await limits.suspend({ by, reason });
    answer(options, { suspended: true, by, reason }, () => 'Suspended. End it with: tollgate limits resume');
  });
}

async function runResume(options: WhoOptions): Promise<void> {
  await withLimits(options, async ({ limits }) => {
    const resumed = await limits.resume({ by: options.by });
    answer(options, { resumed }, () => (resumed ? 'Limiting again.' : 'Limiting was not suspended.'));
  });
}
