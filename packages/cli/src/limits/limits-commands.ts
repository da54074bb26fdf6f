import type { Command } from 'commander';
import { printResult } from '../output.js';
import { previousLimits, withRedis } from '../redis/index.js';
import { parseName, shownName } from '../words/index.js';
import { addWho, limitsCommand, type WhoOptions } from './limits-options.js';
import { addLimitsSet } from './limits-set.js';
import { addLimitsShow, limitsInWords, noLimits } from './limits-show.js';

/** Adds `limits` with its subcommands. */
export function addLimitsCommands(program: Command): void {
  const limits = program.command('limits').description('the limits of single accounts on Redis, for all services');
  addLimitsSet(limits);
  addLimitsShow(limits);

  addWho(limitsCommand(limits, 'delete', 'delete the limits of an account, so that the policy applies to it again'))
    .argument('<account>', 'the account')
    .addHelpText('after', '\nExample:\n  tollgate limits delete ameyo5m')
    .action((account: string, options: WhoOptions) => runDelete(parseName(account), options));

  addWho(limitsCommand(limits, 'suspend', 'let everyone through, in every service that uses these limits'))
    .requiredOption('--reason <text>', 'why; every command shows it')
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
  await withRedis(options, async ({ limits }) => {
    const before = await previousLimits(limits, account);
    const deleted = await limits.delete(account, { by: options.by });
    if (!deleted) throw noLimits(account);
    printResult(options, { account, before: before ?? null }, () => {
      const what = before === undefined ? '' : `\n${limitsInWords(before)}`;
      return `Deleted the limits of ${shownName(account)}; the policy applies to it again. They were:${what}`;
    });
  });
}

async function runSuspend(options: WhoOptions & { readonly reason: string }): Promise<void> {
  await withRedis(options, async ({ limits }) => {
    const { by, reason } = options;
    await limits.suspend({ by, reason });
    printResult(options, { suspended: true, by, reason }, () => 'Suspended. End it with: tollgate limits resume');
  });
}

async function runResume(options: WhoOptions): Promise<void> {
  await withRedis(options, async ({ limits }) => {
    const resumed = await limits.resume({ by: options.by });
    printResult(options, { resumed }, () => (resumed ? 'Limiting again.' : 'Limiting was not suspended.'));
  });
}
