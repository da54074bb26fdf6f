import { type CounterTarget, legsApiPolicy, RateLimiter } from '@tollgate/core';
import type { Command } from 'commander';
import { type AnswerOptions, answer } from '../answer.js';
import type { AskedStore } from '../asked-store.js';
import { DONE, NO, UsageError } from '../exit-codes.js';
import { readPolicy } from '../policy/index.js';
import { addRedisOptions, type RedisOptions, redisFailure, withLimits } from '../redis/index.js';
import { decisionInWords, parseName, shownName } from '../words/index.js';

interface CounterOptions extends RedisOptions, AnswerOptions {
  readonly category?: string;
  readonly environment?: string;
  readonly policy?: string;
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
  const peek = counterCommand(program, 'peek', 'tell whether a request would be admitted now, without charging it')
    .requiredOption('--category <name>', 'which part of the API', parseName)
    .option('--plan <name>', "the account's plan", parseName)
    .option('--region <name>', 'the region', parseName)
    .option('--environment <name>', 'the environment', parseName)
    .option('--cost <units>', 'what the request takes (default: 1)', parseCost)
    .addHelpText(
      'after',
      `
Limits held on Redis come before the policy. Exits with 1 when the request would be refused.

Examples:
  tollgate peek ameyo5m --category legs
  tollgate peek ameyo5m --category legs --policy policy.yaml --plan enterprise --cost 5`,
    )
    .action((account: string, options: PeekOptions) => runPeek(parseName(account), options));

  const reset = counterCommand(program, 'reset', 'forget what an account has used')
    .option('--category <name>', 'of this part of the API', parseName)
    .option('--all', 'of every category, and its total')
    .option('--environment <name>', 'of the counter that the policy keeps apart for it', parseName)
    .addHelpText(
      'after',
      `
Either --category or --all has to be given. The limits begin anew, and a throttling ends.

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
    .option('--category <name>', 'of this part of the API; default: of all', parseName)
    .option('--environment <name>', 'of the counter that the policy keeps apart for it', parseName)
    .addHelpText(
      'after',
      `
What is used stays used.

Examples:
  tollgate pardon ameyo5m
  tollgate pardon ameyo5m --category legs`,
    )
    .action((account: string, options: CounterOptions) => change('pardon', 'Pardoned', account, options));

  for (const command of [peek, reset, pardon]) {
    addRedisOptions(
      command.option(
        '--policy <file>',
        'the policy: JSON or YAML, or - for stdin (default: 100 a minute per category)',
      ),
    ).option('--json', 'print one JSON document');
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
    // A service goes on by itself; here that would be an answer about nothing.
    if (source === 'local' || reason === 'store-unavailable') {
      throw redisFailure(url, 'failed', store.lastError ?? 'no answer in time');
    }
    const isByDefault = options.policy === undefined && quotas.length > 0;
    answer(options, decision, () => decisionInWords(decision) + (isByDefault ? BY_DEFAULT : ''));
    process.exitCode = allowed ? DONE : NO;
  });
}

const BY_DEFAULT = '\n\nBy the default policy, 100 a minute, where Redis holds no limits. --policy decides by another.';

async function change(method: 'reset' | 'pardon', done: string, typed: string, options: CounterOptions): Promise<void> {
  const account = parseName(typed);
  const { category, environment } = options;
  if (category === undefined && environment !== undefined) {
    throw new UsageError('Expected --environment together with --category');
  }
  await withLimiter(options, async (limiter) => {
    await limiter[method]({ account, category, environment } as CounterTarget);
    const what = category === undefined ? 'all counters' : `the counter for ${shownName(category)}`;
    answer(
      options,
      { account, category, environment, done: method },
      () => `${done} ${what} of ${shownName(account)}.`,
    );
  });
}

/** A limiter like those of the services, on the counters and the limits of the Redis. */
async function withLimiter(
  options: CounterOptions,
  act: (limiter: RateLimiter, store: AskedStore, url: string) => Promise<void>,
): Promise<void> {
  const policy = options.policy === undefined ? legsApiPolicy() : (await readPolicy(options.policy)).policy;
  await withLimits(options, async ({ client, limits, url }) => {
    const { AskedStore } = await import('../asked-store.js');
    const { prefix, timeout: timeoutMs } = options;
    const store = new AskedStore({ client, prefix, timeoutMs });
    const limiter = new RateLimiter({ policy, store, accounts: limits });
    try {
      await act(limiter, store, url);
    } finally {
      await limiter.close();
      await store.close();
    }
  });
}

function parseCost(typed: string): number {
  if (!/^\d{1,10}$/.test(typed))
    throw new UsageError(`Expected --cost to be a whole number, got ${JSON.stringify(typed)}`);
  return Number(typed);
}
