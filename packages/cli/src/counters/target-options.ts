import type { Identity } from '@tollgate/core';
import type { Command } from 'commander';
import { UsageError } from '../exit-codes.js';
import { parseName, parseSubject, type Subjects } from '../words/index.js';

/** Whose counters a command is about, as typed beside the account. */
export interface TargetOptions {
  readonly address?: string;
  readonly service?: boolean;
  readonly category?: string;
  readonly subject?: Subjects;
  readonly environment?: string;
}

/** Adds the account and the options of {@link TargetOptions}. */
export function addTarget(command: Command, category: string, environment: string): Command {
  return command
    .argument('[account]', 'the account')
    .option('--address <address>', 'in place of the account: a client without one, by its address', parseName)
    .option('--service', 'in place of the account: everybody together')
    .option('--category <name>', category, parseName)
    .option('--subject <kind=id>', 'a subject of the account, such as leg=L1; may be repeated', parseSubject)
    .option('--environment <name>', environment, parseName);
}

/**
 * Whose counters: `undefined` for those of everybody together.
 *
 * @throws UsageError unless there is exactly one of the account, `--address` and `--service`, or if another option
 * makes no sense with `--service`.
 */
export function identityOf(account: string | undefined, options: TargetOptions): Identity | undefined {
  const { address, service } = options;
  if (Number(account !== undefined) + Number(address !== undefined) + Number(service ?? false) !== 1) {
    throw new UsageError('Expected one of an account, --address and --service');
  }
  if (account !== undefined) return { account: parseName(account) };
  if (address !== undefined) return { address };
  for (const option of ALONE) {
    if (option in options) {
      throw new UsageError(`Expected --service without --${option}: its counter is one for all requests`);
    }
  }
  return undefined;
}

const ALONE = ['category', 'subject', 'environment', 'plan', 'region', 'all'] as const;
