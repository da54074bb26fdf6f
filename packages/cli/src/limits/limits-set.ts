import { defineAccountLayer, type Layer } from '@tollgate/core';
import type { StoredLimits } from '@tollgate/redis';
import type { Command } from 'commander';
import { answer } from '../answer.js';
import { Refusal, UsageError } from '../exit-codes.js';
import { readLayer } from '../policy/index.js';
import { type Before, heldBefore, type LimitsOnRedis, withLimits } from '../redis/index.js';
import { parseName, shownName } from '../words/index.js';
import { addLayerOptions, type LayerOptions, layerOf } from './layer-options.js';
import { addWho, limitsCommand, type WhoOptions } from './limits-options.js';
import { beforeInWords, heldInWords } from './stored-limits-words.js';

interface SetOptions extends WhoOptions, LayerOptions {
  readonly ifVersion?: number;
}

/** Adds `limits set`. */
export function addLimitsSet(limits: Command): void {
  addWho(addLayerOptions(limitsCommand(limits, 'set', "set an account's limits, in place of all that it has had")))
    .argument('<account>', 'the account')
    .option('--if-version <version>', 'only if this is the version of its limits; 0: only if it has none', parseVersion)
    .addHelpText(
      'after',
      `
A LIST is one or more of LIMIT/TIME, such as 6000/minute,100/second or 20/5s, or the word unlimited.
All that the account has had is replaced, and shown before and after. Services follow within a second.

Examples:
  tollgate limits set ameyo5m --category legs=6000/minute,100/second
  tollgate limits set ameyo5m --quotas 1000/minute --total unlimited --by alice --if-version 3
  tollgate limits set ameyo5m --mode observe
  tollgate limits set ameyo5m --throttle after=10,within=1m,for=5m,factor=0.5
  tollgate limits set ameyo5m --from limits.yaml`,
    )
    .action((account: string, options: SetOptions) => runSet(parseName(account), options));
}

async function runSet(account: string, options: SetOptions): Promise<void> {
  const layer = options.from === undefined ? layerOf(options) : await readLayer(options.from);
  // What makes no sense is told before Redis is asked.
  defineAccountLayer(layer, 'limits');
  await withLimits(options, async (held) => {
    const { before, after } = await replace(held, account, layer, options);
    answer(options, { account, before: before ?? null, after }, () => {
      if (before === undefined) return `Set limits of ${shownName(account)}, which had none:\n${heldInWords(after)}`;
      return `Replaced the limits of ${shownName(account)}. Before:\n${beforeInWords(before)}\nNow:\n${heldInWords(after)}`;
    });
  });
}

/**
 * Sets the layer, and finds out what it takes the place of. Without a version that it has to be, what was there is what was
 * replaced all the same, unless it changes all the time.
 */
async function replace(
  { limits }: LimitsOnRedis,
  account: string,
  layer: Layer,
  { by, ifVersion }: SetOptions,
): Promise<{ readonly before: Before; readonly after: StoredLimits }> {
  for (let attempt = 1; ; attempt++) {
    const before = await heldBefore(limits, account);
    const isKnown = before !== 'unreadable' && attempt < ATTEMPTS;
    const expected = ifVersion ?? (isKnown ? (before?.version ?? 0) : undefined);
    try {
      const after = await limits.set(account, layer, { by, ...(expected !== undefined && { ifVersion: expected }) });
      return { before, after };
    } catch (error) {
      if (!isConflict(error)) throw error;
      if (ifVersion !== undefined) throw new Refusal((error as Error).message);
    }
  }
}

const ATTEMPTS = 5;

function isConflict(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'TOLLGATE_LIMITS_CONFLICT';
}

function parseVersion(typed: string): number {
  if (!/^\d{1,15}$/.test(typed)) throw new UsageError('Expected --if-version to be a whole number from 0 on');
  return Number(typed);
}
