import { userInfo } from 'node:os';
import type { HeldLimits } from '@tollgate/redis';
import type { Command } from 'commander';
import type { AnswerOptions } from './answer.js';
import { layerRows } from './layer-rows.js';
import type { Before } from './limits-on-redis.js';
import { addRedisOptions, type RedisOptions } from './redis-options.js';
import { alignedRows } from './rows.js';
import { shownInstant, shownText } from './shown-text.js';

export interface LimitsOptions extends RedisOptions, AnswerOptions {}

export interface WhoOptions extends LimitsOptions {
  readonly by: string;
}

/** One of the commands under `limits`, with the options that all of them have. */
export function limitsCommand(limits: Command, name: string, description: string): Command {
  return addRedisOptions(limits.command(name).description(description)).option('--json', 'print one JSON document');
}

/** For a command that changes something. */
export function addWho(command: Command): Command {
  return command.option('--by <who>', 'who changes it, for the history', osUser());
}

/** Limits with all that is known of them, over several lines. */
export function heldInWords({ layer, version, by, at }: HeldLimits): string {
  return `${alignedRows(layerRows(layer), '  ')}\n  ${provenance(version, at, by)}`;
}

export function beforeInWords(before: Exclude<Before, undefined>): string {
  return before === 'unreadable' ? '  something that cannot be read' : heldInWords(before);
}

function provenance(version: number, at: number, by: string | undefined): string {
  return `version ${version}, set at ${shownInstant(at)}${by === undefined ? '' : ` by ${shownText(by)}`}`;
}

/** A container may have a user without a name. */
function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}
