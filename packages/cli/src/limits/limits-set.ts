import { defineAccountLayer, type Layer } from '@tollgate/core';
import type { StoredLimits } from '@tollgate/redis';
import type { Command } from 'commander';
import { NegativeResult, UsageError } from '../exit-codes.js';
import { printResult } from '../output.js';
import { checkNames, checkSubjectKinds, noteLikelyMistake, readLayer, readPolicy } from '../policy/index.js';
import { type PreviousLimits, previousLimits, type RedisSession, withRedis } from '../redis/index.js';
import { parseName, shownName } from '../words/index.js';
import { addLayerOptions, type LayerOptions, layerOf } from './layer-options.js';
import { addWho, limitsCommand, type WhoOptions } from './limits-options.js';
import { limitsInWords } from './limits-show.js';

interface SetOptions extends WhoOptions, LayerOptions {
  readonly ifVersion?: number;
  readonly policy?: string;
}

/** Adds `limits set`. */
export function addLimitsSet(limits: Command): void {
  addWho(addLayerOptions(limitsCommand(limits, 'set', 'set the limits of an account, in place of all earlier ones')))
    .argument('<account>', 'the account')
    .option('--if-version <version>', 'only if its limits have this version; 0: only if it has none', parseVersion)
    .option(
      '--policy <file>',
      'the policy of the services, whose categories and kinds of subjects are the only valid ones',
    )
    .addHelpText(
      'after',
      `
A LIST is one or more of LIMIT/TIME, such as 6000/minute,100/second or 20/5s, or the word unlimited.
The earlier limits of the account are replaced as a whole, and shown. Services follow within a second.
Without --policy, a category may have any name, and one that looks like a misspelt category of the
Legs API is noted. A kind of subject that the policy of a service does not have is ignored there, with
a warning.

A block refuses every request, also of a service that sets no limits. It ends by the clocks of the services.

Examples:
  tollgate limits set ameyo5m --category legs=6000/minute,100/second
  tollgate limits set ameyo5m --quotas 1000/minute --total unlimited --by alice --if-version 3
  tollgate limits set ameyo5m --mode observe
  tollgate limits set ameyo5m --throttle after=10,within=1m,for=5m,factor=0.5
  tollgate limits set ameyo5m --each key=60/minute --policy policy.yaml
  tollgate limits set ameyo5m --blocked --until 2026-12-31T18:00:00+05:30
  tollgate limits set ameyo5m --from limits.yaml`,
    )
    .action((account: string, options: SetOptions) => runSet(parseName(account), options));
}

async function runSet(account: string, options: SetOptions): Promise<void> {
  if (options.from === '-' && options.policy === '-') {
    throw new UsageError('Expected one of --from and --policy to be -, got both');
  }
  const layer = options.from === undefined ? layerOf(options) : await readLayer(options.from);
  // An invalid layer ends the command before it connects.
  defineAccountLayer(layer, 'limits');
  const policy = options.policy === undefined ? undefined : (await readPolicy(options.policy)).policy;
  for (const category of Object.keys(layer.categories ?? {})) {
    if (policy === undefined) noteLikelyMistake(category);
    else checkNames(policy, { category });
  }
  if (policy !== undefined) checkSubjectKinds(policy, layer.each, options.from === undefined ? '--each' : 'each');
  await withRedis(options, async (session) => {
    const { before, after } = await replace(session, account, layer, options);
    printResult(options, { account, before: before ?? null, after }, () => {
      if (before === undefined) return `Set limits of ${shownName(account)}, which had none:\n${limitsInWords(after)}`;
      const replaced = `Replaced the limits of ${shownName(account)}. Before:\n${limitsInWords(before)}`;
      return `${replaced}\nNow:\n${limitsInWords(after)}`;
    });
  });
}

/**
 * Sets the layer, and returns the limits that it replaced. Without `--if-version`, the version that was just read is
 * expected, so that `before` is right. After several conflicts the layer is set without this check.
 */
async function replace(
  { limits }: RedisSession,
  account: string,
  layer: Layer,
  { by, ifVersion }: SetOptions,
): Promise<{ readonly before: PreviousLimits; readonly after: StoredLimits }> {
  for (let attempt = 1; ; attempt++) {
    const before = await previousLimits(limits, account);
    const isKnown = before !== 'unreadable' && attempt < ATTEMPTS;
    const expected = ifVersion ?? (isKnown ? (before?.version ?? 0) : undefined);
    try {
      const after = await limits.set(account, layer, { by, ...(expected !== undefined && { ifVersion: expected }) });
      return { before, after };
    } catch (error) {
      if (!isConflict(error)) throw error;
      if (ifVersion !== undefined) throw new NegativeResult((error as Error).message);
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
