import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { OutputOptions } from '../output.js';
import { addRedisOptions, type RedisOptions } from '../redis/index.js';

export interface LimitsOptions extends RedisOptions, OutputOptions {}

export interface WhoOptions extends LimitsOptions {
  readonly by: string;
}

/** Adds a subcommand of `limits`, with the options that all of them have. */
export function limitsCommand(limits: Command, name: string, description: string): Command {
  return addRedisOptions(limits.command(name).description(description)).option('--json', 'print one JSON document');
}

/** Adds the option of a command that changes something. */
export function addWho(command: Command): Command {
  return command.option('--by <who>', 'who changes it, for the history', osUser());
}

/** A container may have a user without a name. */
function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}
