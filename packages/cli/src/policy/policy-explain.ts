import { type AccountLayer, defineAccountLayer, type Explained, type Layers } from '@tollgate/core';
import { showName } from '@tollgate/core/kit';
import type { StoredLimits } from '@tollgate/redis';
import type { ParsedPolicy } from '@tollgate/sources';
import { type Command, Option } from 'commander';
import { type AnswerOptions, answer, complain } from '../answer.js';
import { RedisFailure, UsageError } from '../exit-codes.js';
import { addPrefixAndTimeout, GROUP, type RedisOptions, withLimits } from '../redis/index.js';
import { explainedInWords, type Placed, type PlacedExplanation, parseName, shownName } from '../words/index.js';
import { readPolicy, shownFile } from './policy-file.js';

interface ExplainOptions extends Omit<RedisOptions, 'redis'>, AnswerOptions {
  readonly redis?: string;
  readonly category: string;
  readonly account?: string;
  readonly plan?: string;
  readonly region?: string;
  readonly environment?: string;
}

/** Adds `policy explain`. */
export function addPolicyExplain(policy: Command): void {
  const command = policy
    .command('explain')
    .description('tell which limits apply to a request, and which part of the policy says so')
    .argument('<file>', 'the policy: JSON or YAML, or - for stdin')
    .requiredOption('--category <name>', 'which part of the API', parseName)
    .option('--account <name>', 'the account', parseName)
    .option('--plan <name>', "the account's plan", parseName)
    .option('--region <name>', 'the region', parseName)
    .option('--environment <name>', 'the environment', parseName)
    .addOption(new Option('--redis <url>', 'look for limits of the account that are held there').helpGroup(GROUP));
  addPrefixAndTimeout(command)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  tollgate policy explain policy.yaml --category legs --plan enterprise
  tollgate policy explain policy.yaml --category legs --account ameyo5m --redis redis://127.0.0.1:6379`,
    )
    .action(runExplain);
}

async function runExplain(file: string, options: ExplainOptions): Promise<void> {
  const parsed = await readPolicy(file);
  const { redis, account } = options;
  if (redis === undefined) {
    explain(file, parsed, options, undefined);
    return;
  }
  if (account === undefined) throw new UsageError('Expected --account together with --redis');
  await withLimits({ ...options, redis }, async ({ limits }) => {
    explain(file, parsed, options, await limits.get(account));
  });
}

/** It decides nothing then, and may be a slip of the finger. */
function warnOfUnknown(kind: string, layers: Layers = {}, name: string | undefined): void {
  if (name === undefined) return;
  const isKnown = layers instanceof Map ? layers.has(name) : Object.hasOwn(layers, name);
  if (!isKnown) complain(`The policy says nothing of the ${kind} ${shownName(name)}.`);
}

function explain(file: string, parsed: ParsedPolicy, options: ExplainOptions, held: StoredLimits | undefined): void {
  const { category, account, plan, region, environment } = options;
  warnOfUnknown('plan', parsed.options.plans, plan);
  warnOfUnknown('region', parsed.options.regions, region);
  warnOfUnknown('environment', parsed.options.environments, environment);
  const layer = held && layerOf(held);
  const { onStoreFailure, counters, ...said } = parsed.policy.explain(
    { category, account, plan, region, environment },
    layer,
  );
  const placed = <T>({ value, from }: Explained<T>): Placed<T> => {
    const position = from === undefined ? undefined : parsed.positionOf(from);
    return { value, from: from ?? null, position: position ?? null };
  };
  const explained: PlacedExplanation = {
    asked: { category, account, plan, region, environment },
    held: held?.version ?? null,
    quotas: placed(said.quotas),
    total: placed(said.total),
    throttle: placed(said.throttle),
    totalThrottle: placed(said.totalThrottle),
    mode: placed(said.mode),
    onStoreFailure,
    localShare: parsed.options.localShare ?? 1,
    counters,
  };
  answer(options, explained, () => explainedInWords(explained, shownFile(file)));
}

/** Under the name that errors and explanations have for it in services too. */
function layerOf({ account, layer }: StoredLimits): AccountLayer {
  try {
    return defineAccountLayer(layer, `limits.${showName(account)}`);
  } catch (error) {
    throw new RedisFailure(`Redis holds limits that make no sense: ${(error as Error).message}`, error);
  }
}
