import { type AccountLayer, defineAccountLayer, type Explained } from '@tollgate/core';
import type { Block, ExplainedCounter } from '@tollgate/core/kit';
import { showName } from '@tollgate/core/kit';
import type { StoredLimits } from '@tollgate/redis';
import type { ParsedPolicy } from '@tollgate/sources';
import { type Command, Option } from 'commander';
import { RedisFailure, UsageError } from '../exit-codes.js';
import { type OutputOptions, printResult } from '../output.js';
import { addPrefixAndTimeout, GROUP, type RedisOptions, withRedis } from '../redis/index.js';
import { parseName, parseSubject, type Subjects } from '../words/index.js';
import { explanationInWords, type Placed, type PlacedCounter, type PlacedExplanation } from './explanation-words.js';
import { checkNames, checkSubjectKinds } from './known-names.js';
import { readPolicy, shownFile } from './policy-file.js';

interface ExplainOptions extends Omit<RedisOptions, 'redis'>, OutputOptions {
  readonly redis?: string;
  readonly category: string;
  readonly account?: string;
  readonly address?: string;
  readonly subject?: Subjects;
  readonly plan?: string;
  readonly region?: string;
  readonly environment?: string;
}

/** Adds `policy explain`. */
export function addPolicyExplain(policy: Command): void {
  const command = policy
    .command('explain')
    .description('show which limits apply to a request, and which part of the policy sets them')
    .argument('<file>', 'the policy: JSON or YAML, or - for stdin')
    .requiredOption('--category <name>', 'which part of the API', parseName)
    .option('--account <name>', 'the account', parseName)
    .option('--address <address>', 'a client without an account, by its address', parseName)
    .option('--subject <kind=id>', 'a subject of the account, such as leg=L1; may be repeated', parseSubject)
    .option('--plan <name>', "the account's plan", parseName)
    .option('--region <name>', 'the region', parseName)
    .option('--environment <name>', 'the environment', parseName)
    .addOption(new Option('--redis <url>', "include the account's limits on this Redis").helpGroup(GROUP));
  addPrefixAndTimeout(command)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Every kind of subject is shown. --subject adds its counter, and whether it is blocked.

Examples:
  tollgate policy explain policy.yaml --category legs --plan enterprise
  tollgate policy explain policy.yaml --category login --address 203.0.113.7
  tollgate policy explain policy.yaml --category legs --account ameyo5m --subject key=k7
  tollgate policy explain policy.yaml --category legs --account ameyo5m --redis redis://127.0.0.1:6379`,
    )
    .action(runExplain);
}

async function runExplain(file: string, options: ExplainOptions): Promise<void> {
  const parsed = await readPolicy(file);
  checkNames(parsed.policy, options);
  checkSubjectKinds(parsed.policy, options.subject);
  const { redis, account, address } = options;
  if (account !== undefined && address !== undefined) {
    throw new UsageError('Expected one of --account and --address: a client with an account is limited by that');
  }
  if (redis === undefined) {
    explain(file, parsed, options, undefined);
    return;
  }
  if (account === undefined) throw new UsageError('Expected --account together with --redis');
  await withRedis({ ...options, redis }, async ({ limits }) => {
    explain(file, parsed, options, await limits.get(account));
  });
}

function explain(file: string, parsed: ParsedPolicy, options: ExplainOptions, stored: StoredLimits | undefined): void {
  const { policy } = parsed;
  const { category, account, address, subject: subjects, plan, region, environment } = options;
  const asked = { category, account, address, subjects, plan, region, environment };
  const layer = stored && layerOf(stored);
  const { quotas, total, throttle, totalThrottle, mode, service, block, onStoreFailure, counters } = policy.explain(
    asked,
    layer,
  );
  const anyOfEach = Object.fromEntries(policy.known.subjects.map((kind) => [kind, subjects?.[kind] ?? '']));
  const { each } = policy.explain({ ...asked, subjects: anyOfEach }, layer);
  const placed = <T>({ value, from }: Explained<T>): Placed<T> => {
    const position = from === undefined ? undefined : parsed.positionOf(from);
    return { value, from: from ?? null, position: position ?? null };
  };
  const placedCounter = ({ quotas, throttle, mode }: ExplainedCounter): PlacedCounter => {
    return { quotas: placed(quotas), throttle: placed(throttle), mode: placed(mode) };
  };
  const placedBlock = ({ from, ...value }: Block) => placed({ value, from });
  const explanation: PlacedExplanation = {
    asked,
    held: stored?.version ?? null,
    quotas: placed(quotas),
    total: placed(total),
    throttle: placed(throttle),
    totalThrottle: placed(totalThrottle),
    mode: placed(mode),
    each: Object.fromEntries(Object.entries(each).map(([kind, counter]) => [kind, placedCounter(counter)])),
    service: placedCounter(service),
    block: block === undefined ? null : placedBlock(block),
    onStoreFailure,
    localShare: parsed.options.localShare ?? 1,
    counters,
  };
  printResult(options, explanation, () => explanationInWords(explanation, shownFile(file)));
}

/** The layer, with the same path in errors and explanations as in services. */
function layerOf({ account, layer }: StoredLimits): AccountLayer {
  try {
    return defineAccountLayer(layer, `limits.${showName(account)}`);
  } catch (error) {
    throw new RedisFailure(`The limits on Redis are not valid: ${(error as Error).message}`, error);
  }
}
