import type { Suspension } from '@tollgate/core';
import type { HeldLimits, RedisLimits, RedisUsage } from '@tollgate/redis';
import type { Cluster, Redis } from 'ioredis';
import { printWarning } from '../output.js';
import { shownInstant, shownText } from '../words/index.js';
import { asRedisFailure, isStoreError } from './redis-failure.js';
import { checkedUrl, type RedisOptions } from './redis-options.js';

/** A connection to Redis, with the limits and the usage that services store there. */
export interface RedisSession {
  readonly client: Redis | Cluster;
  readonly limits: RedisLimits;
  readonly usage: RedisUsage;
  /** For error messages. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Connects, runs `act`, and disconnects. Prints a warning while limiting is suspended, whether `act` succeeds or not.
 *
 * @throws RedisFailure when Redis cannot be reached or fails.
 */
export async function withRedis(options: RedisOptions, act: (session: RedisSession) => Promise<void>): Promise<void> {
  const session = await openRedis(options);
  const { limits, url } = session;
  try {
    await limits.ready();
    await act(session);
    const { lastError } = limits.state();
    if (lastError !== undefined) printWarning(`Problem with the limits on Redis: ${shownText(lastError)}`);
  } catch (error) {
    throw asRedisFailure(url, error);
  } finally {
    if (limits.suspension !== undefined) printWarning(suspensionInWords(limits.suspension));
    await session.close();
  }
}

/**
 * Connects, for a command that runs until it is ended.
 *
 * @throws RedisFailure when Redis cannot be reached.
 */
export async function openRedis(options: RedisOptions): Promise<RedisSession> {
  const { prefix, timeout: timeoutMs } = options;
  const url = checkedUrl(options.redis);
  // These modules take half of the start time, and commands on files do not need them.
  const [{ connect }, { RedisLimits, RedisUsage }] = await Promise.all([
    import('./redis-connection.js'),
    import('@tollgate/redis'),
  ]);
  const client = await connect(url, timeoutMs);
  const limits = new RedisLimits({ client, prefix, timeoutMs });
  let usage: RedisUsage | undefined;
  return {
    client,
    limits,
    url,
    get usage() {
      usage ??= new RedisUsage({ client, prefix, timeoutMs });
      return usage;
    },
    async close() {
      await usage?.close();
      await limits.close();
      client.disconnect();
    },
  };
}

/** The limits that a change replaces. `'unreadable'`: this version of the command cannot read them. */
export type PreviousLimits = HeldLimits | 'unreadable' | undefined;

export async function previousLimits(limits: RedisLimits, account: string): Promise<PreviousLimits> {
  try {
    return await limits.get(account);
  } catch (error) {
    if (isStoreError(error) && error.concerns === 'account') return 'unreadable';
    throw error;
  }
}

export function suspensionInWords({ since, by, reason }: Suspension): string {
  const who = by === undefined ? '' : ` by ${shownText(by)}`;
  const why = reason === undefined ? '' : `: ${shownText(reason)}`;
  return `LIMITING IS SUSPENDED, everyone is let through. Suspended at ${shownInstant(since)}${who}${why}`;
}
