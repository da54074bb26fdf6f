import { type CounterTarget, type Decision, legsApiPolicy, type Policy, RateLimiter } from '@tollgate/core';
import type { Command } from 'commander';
import { DONE, NO, UsageError } from '../exit-codes.js';
import { type OutputOptions, printResult } from '../output.js';
import { checkNames, noteLikelyMistake, readPolicy } from '../policy/index.js';
import { addRedisOptions, type RedisOptions, redisFailure, withRedis } from '../redis/index.js';
import { alignedRows, parseName, shownName, waitInWords } from '../words/index.js';
import type { LastErrorStore } from './last-error-store.js';

interface CounterOptions extends RedisOptions, OutputOptions {
  readonly category?: string;
  readonly environment?: string;
  readonly policy?: string;
  readonly limiter?: string;
}

interface PeekOptions extends CounterOptions {
  readonly category: string;
  readonly plan?: string;
  readonly region?: string;
  readonly cost?: number;
}

interface ResetOptions extends CounterOptions {
  readonly all?: boolean;
}

/** Adds `peek`, `reset` and `pardon`. */
export function addCounterCommands(program: Command): void {
  const peek = counterCommand(program, 'peek', 'show whether a request would be admitted now, without charging it')
    .requiredOption('--category <name>', 'which part of the API', parseName)
    .option('--plan <name>', "the account's plan", parseName)
    .option('--region <name>', 'the region', parseName)
    .option('--environment <name>', 'the environment', parseName)
    .option('--cost <units>', 'the cost of the request (default: 1)', parseCost)
    .addHelpText(
      'after',
      `
Limits stored on Redis win over the policy. Exits with 1 when the request would be refused.

Examples:
  tollgate peek ameyo5m --category legs
  tollgate peek ameyo5m --category legs --policy policy.yaml --plan enterprise --cost 5`,
    )
    .action((account: string, options: PeekOptions) => runPeek(parseName(account), options));

  const reset = counterCommand(program, 'reset', 'forget what an account has used')
    .option('--category <name>', 'in this part of the API', parseName)
    .option('--all', 'in every category, and its total')
    .option('--environment <name>', 'the environment, if the policy has a separate counter for it', parseName)
    .addHelpText(
      'after',
      `
Requires either --category or --all. The quotas are empty again, and a throttling ends.

Examples:
  tollgate reset ameyo5m --category legs
  tollgate reset ameyo5m --all`,
    )
    .action((account: string, options: ResetOptions) => {
      if ((options.category === undefined) === (options.all === undefined)) {
        throw new UsageError('Expected either --category, or --all for everything that the account has used');
      }
      return change('reset', 'Forgot', account, options);
    });

  const pardon = counterCommand(program, 'pardon', 'forget the violations of an account, and end its throttling')
    .option('--category <name>', 'in this part of the API; default: in all', parseName)
    .option('--environment <name>', 'the environment, if the policy has a separate counter for it', parseName)
    .addHelpText(
      'after',
      `
What the account has used still counts.

Examples:
  tollgate pardon ameyo5m
  tollgate pardon ameyo5m --category legs`,
    )
    .action((account: string, options: CounterOptions) => change('pardon', 'Pardoned', account, options));

  for (const command of [peek, reset, pardon]) {
    command
      .option('--policy <file>', 'the policy: JSON or YAML, or - for stdin (default: 100 a minute per category)')
      .option('--limiter <name>', 'the limiter that has the counters (default: one without a name)');
    addRedisOptions(command).option('--json', 'print one JSON document');
  }
}

function counterCommand(program: Command, name: string, description: string): Command {
  return program.command(name).description(description).argument('<account>', 'the account');
}

async function runPeek(account: string, options: PeekOptions): Promise<void> {
  const { category, plan, region, environment, cost } = options;
  await withLimiter(options, async (limiter, store, url) => {
    const decision = await limiter.peek({ account, category, plan, region, environment, cost });
    const { source, reason, quotas, allowed } = decision;
    // A service would decide without Redis. Here that answer would be about empty counters.
    if (source === 'local' || reason === 'store-unavailable') {
      throw redisFailure(url, 'failed', store.lastError ?? 'no answer in time');
    }
    const isByDefault = options.policy === undefined && quotas.length > 0;
    printResult(options, decision, () => decisionInWords(decision) + (isByDefault ? BY_DEFAULT : ''));
    process.exitCode = allowed ? DONE : NO;
  });
}

const BY_DEFAULT =
  '\n\nBy the default policy, 100 a minute, unless Redis has limits of the account. --policy sets another policy.';

function decisionInWords(decision: Decision): string {
  const { account = '', category, throttled, quotas } = decision;
  const lines = [`${shownName(account)} ${shownName(category)}: ${verdict(decision)}`];
  if (throttled !== undefined) {
    const { scope, factor, endsAfterMs } = throttled;
    const limits = scope === 'total' ? 'total limits' : `limits of ${shownName(category)}`;
    lines.push(`throttled: the ${limits} are multiplied by ${factor} for another ${waitInWords(endsAfterMs)}`);
  }
  if (quotas.length > 0) {
    const rows = quotas.map(({ name, scope, limit, used, remaining, resetAfterMs }) => {
      return [name, scope, `${used}`, `${limit}`, `${remaining}`, resetAfterMs === 0 ? '' : waitInWords(resetAfterMs)];
    });
    lines.push('', alignedRows([['quota', 'scope', 'used', 'limit', 'left', 'more in'], ...rows]));
  }
  return lines.join('\n');
}

function verdict({ allowed, wouldRefuse, reason, retryAfterMs, quotas }: Decision): string {
  const wait = retryAfterMs === null ? 'never admitted at this cost' : `admitted in ${waitInWords(retryAfterMs)}`;
  if (wouldRefuse) return `allowed, since its limits are only observed; if enforced: refused (${reason}), ${wait}`;
  if (!allowed) return `refused (${reason}), ${wait}`;
  if (reason === 'suspended') return 'allowed, since limiting is suspended';
  return quotas.length === 0 ? 'allowed, no limit applies' : 'allowed';
}

async function change(method: 'reset' | 'pardon', done: string, typed: string, options: CounterOptions): Promise<void> {
  const account = parseName(typed);
  const { category, environment, limiter: name } = options;
  if (category === undefined && environment !== undefined) {
    throw new UsageError('Expected --environment together with --category');
  }
  await withLimiter(options, async (limiter) => {
    await limiter[method]({ account, category, environment } as CounterTarget);
    const what = category === undefined ? 'all counters' : `the counter for ${shownName(category)}`;
    printResult(
      options,
      { account, category, environment, limiter: name, done: method },
      () => `${done} ${what} of ${shownName(account)}${name === undefined ? '' : ` in the limiter ${name}`}.`,
    );
  });
}

/** Runs `act` with a limiter on the counters and limits of the services. */
async function withLimiter(
  options: CounterOptions,
  act: (limiter: RateLimiter, store: LastErrorStore, url: string) => Promise<void>,
): Promise<void> {
  const policy = await policyOf(options);
  await withRedis(options, async ({ client, limits, url }) => {
    const { LastErrorStore } = await import('./last-error-store.js');
    const { prefix, timeout: timeoutMs, limiter: name } = options;
    const store = new LastErrorStore({ client, prefix, timeoutMs });
    const limiter = new RateLimiter({ ...(name !== undefined && { name }), policy, store, accounts: limits });
    try {
      await act(limiter, store, url);
    } finally {
      await limiter.close();
      await store.close();
    }
  });
}

/** The policy, which has the names of the command line. Without a file, they are those of any service. */
async function policyOf(options: CounterOptions): Promise<Policy> {
  if (options.policy === undefined) {
    if (options.category !== undefined) noteLikelyMistake(options.category);
    return legsApiPolicy();
  }
  const { policy } = await readPolicy(options.policy);
  checkNames(policy, options);
  return policy;
}

function parseCost(typed: string): number {
  if (!/^\d{1,10}$/.test(typed))
    throw new UsageError(`Expected --cost to be a whole number, got ${JSON.stringify(typed)}`);
  return Number(typed);
}
