import { type CounterTarget, legsApiPolicy } from '@tollgate/core';
import type { Command } from 'commander';
import { UsageError } from '../exit-codes.js';
import { printResult } from '../output.js';
import { addRedisOptions } from '../redis/index.js';
import { shownName, shownParty, shownSubjects } from '../words/index.js';
import { type CounterOptions, policyOf, withLimiter } from './limiter-session.js';
import { addPeek } from './peek-command.js';
import { addTarget, identityOf } from './target-options.js';

interface ResetOptions extends CounterOptions {
  readonly all?: boolean;
}

/** Adds `peek`, `reset` and `pardon`. */
export function addCounterCommands(program: Command): void {
  const peek = addPeek(program);

  const reset = program.command('reset').description('forget what an account has used');
  addTarget(reset, 'in this part of the API', ENVIRONMENT)
    .option('--all', 'in every category, its total, and every subject')
    .addHelpText(
      'after',
      `
Requires --category, --subject, or both; or else --all, or --service. The quotas are empty again, and a throttling
ends.

Examples:
  tollgate reset ameyo5m --category legs
  tollgate reset ameyo5m --subject leg=L1 --policy policy.yaml
  tollgate reset --address 203.0.113.7 --all
  tollgate reset --service`,
    )
    .action((account: string | undefined, options: ResetOptions) => {
      const isOfOne = options.category !== undefined || options.subject !== undefined;
      if (!options.service && isOfOne === (options.all !== undefined)) {
        throw new UsageError(
          'Expected either --category or --subject, or --all for everything that the account has used',
        );
      }
      return change('reset', 'Forgot', account, options);
    });

  const pardon = program.command('pardon').description('forget the violations of an account, and end its throttling');
  addTarget(pardon, 'in this part of the API; default: everywhere', ENVIRONMENT)
    .addHelpText(
      'after',
      `
What the account has used still counts.

Examples:
  tollgate pardon ameyo5m
  tollgate pardon ameyo5m --category legs
  tollgate pardon ameyo5m --subject key=k7 --policy policy.yaml
  tollgate pardon --service`,
    )
    .action((account: string | undefined, options: CounterOptions) => change('pardon', 'Pardoned', account, options));

  for (const command of [peek, reset, pardon]) {
    command
      .option('--policy <file>', 'the policy: JSON or YAML, or - for stdin (default: 100 a minute per category)')
      .option('--limiter <name>', 'the limiter that has the counters (default: one without a name)');
    addRedisOptions(command).option('--json', 'print one JSON document');
  }
}

const ENVIRONMENT = 'the environment, if the policy has a separate counter for it';

async function change(
  method: 'reset' | 'pardon',
  done: string,
  typed: string | undefined,
  options: CounterOptions,
): Promise<void> {
  const identity = identityOf(typed, options);
  const { category, environment, subject: subjects, limiter: name } = options;
  if (category === undefined && subjects === undefined && environment !== undefined) {
    throw new UsageError('Expected --environment together with --category or --subject');
  }
  // The counter of everybody together has one name in every policy.
  const policy = identity === undefined ? legsApiPolicy() : await policyOf(options);
  await withLimiter(options, policy, async (limiter, store) => {
    const target = identity === undefined ? { service: true } : { ...identity, category, environment, subjects };
    await limiter[method](target as CounterTarget);
    await store.changed();
    printResult(options, { ...target, limiter: name, done: method }, () => {
      const whose = identity === undefined ? 'everybody together' : shownParty(identity);
      const where = name === undefined ? '' : ` in the limiter ${name}`;
      return `${done} ${countersInWords(identity !== undefined, options)} of ${whose}${where}.`;
    });
  });
}

function countersInWords(isOfParty: boolean, { category, subject: subjects }: CounterOptions): string {
  if (!isOfParty) return 'the counter';
  const ones = [
    ...(category === undefined ? [] : [shownName(category)]),
    ...(subjects === undefined ? [] : [shownSubjects(subjects)]),
  ].join(', ');
  if (ones === '') return 'all counters';
  const isOne = Number(category !== undefined) + Object.keys(subjects ?? {}).length === 1;
  return `the ${isOne ? 'counter' : 'counters'} for ${ones}`;
}
