import { legsApiPolicy, type Policy, type PolicyOptions, RateLimiter } from '@tollgate/core';
import { UsageError } from '../exit-codes.js';
import type { OutputOptions } from '../output.js';
import { checkNames, checkSubjectKinds, noteLikelyMistake, noteLikelyNetwork, readPolicy } from '../policy/index.js';
import { type RedisOptions, withRedis } from '../redis/index.js';
import type { OperatorStore } from './operator-store.js';
import type { TargetOptions } from './target-options.js';

export interface CounterOptions extends RedisOptions, OutputOptions, TargetOptions {
  readonly policy?: string;
  readonly limiter?: string;
}

/** Runs `act` with a limiter on the counters and limits of the services. */
export async function withLimiter(
  options: CounterOptions,
  policy: Policy,
  act: (limiter: RateLimiter, store: OperatorStore, url: string) => Promise<void>,
): Promise<void> {
  await withRedis(options, async ({ client, limits, url }) => {
    const { OperatorStore } = await import('./operator-store.js');
    const { prefix, timeout: timeoutMs, limiter: name } = options;
    const store = new OperatorStore({ client, prefix, timeoutMs });
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
export async function policyOf(options: CounterOptions): Promise<Policy> {
  const { policy: file, address, category, subject } = options;
  if (address !== undefined) noteLikelyNetwork(address);
  if (file === undefined) {
    if (subject !== undefined) {
      throw new UsageError('Expected --policy together with --subject: it has the kinds of subjects');
    }
    if (category !== undefined) noteLikelyMistake(category);
    return legsApiPolicy();
  }
  const { policy } = await readPolicy(file);
  checkNames(policy, options);
  checkSubjectKinds(policy, subject);
  return policy;
}

/** The policy's limits of everybody together, and nothing else. */
export async function serviceOf({ policy: file }: CounterOptions): Promise<PolicyOptions> {
  if (file === undefined) throw new UsageError('Expected --policy together with --service: it has the limits');
  const { service } = (await readPolicy(file)).options;
  if (service === undefined) throw new UsageError('Expected a policy with `service`, got one without');
  return { quotas: 'unlimited', service };
}
