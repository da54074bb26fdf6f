import type { StoreError, Suspension } from '@tollgate/core';
import type { RedisLimits, StoredLimits } from '@tollgate/redis';
import type { Cluster, Redis } from 'ioredis';
import { warn } from '../answer.js';
import { shownInstant, shownText } from '../words/index.js';
import { redisFailure } from './redis-failure.js';
import { checkedUrl, type RedisOptions } from './redis-options.js';

export interface LimitsOnRedis {
  readonly client: Redis | Cluster;
  readonly limits: RedisLimits;
  /** As errors about it need it. */
  readonly url: string;
}

/** Until it is closed. */
export interface OpenLimits extends LimitsOnRedis {
  close(): Promise<void>;
}

/**
 * Connects, has `act` do what it does with the limits that Redis holds, and disconnects. That limiting is suspended when it
 * is done is told on stderr, whatever came of it.
 *
 * @throws RedisFailure when Redis cannot be reached or fails.
 */
export async function withLimits(options: RedisOptions, act: (held: LimitsOnRedis) => Promise<void>): Promise<void> {
  const held = await openLimits(options);
  const { limits, url } = held;
  try {
    await limits.ready();
    await act(held);
    const { lastError } = limits.state();
    if (lastError !== undefined) warn(`Of the limits on Redis: ${shownText(lastError)}`);
  } catch (error) {
    throw failureOnRedis(url, error);
  } finally {
    if (limits.suspension !== undefined) warn(suspensionInWords(limits.suspension));
    await held.close();
  }
}

/**
 * Connects, for a command that goes on for longer than one answer takes.
 *
 * @throws RedisFailure when Redis cannot be reached.
 */
export async function openLimits(options: RedisOptions): Promise<OpenLimits> {
  const { prefix, timeout: timeoutMs } = options;
  const url = checkedUrl(options.redis);
  // Loading these is half of a start, which commands that are about files alone do without.
  const [{ connect }, { RedisLimits }] = await Promise.all([
    import('./redis-connection.js'),
    import('@tollgate/redis'),
  ]);
  const client = await connect(url, timeoutMs);
  const limits = new RedisLimits({ client, prefix, timeoutMs });
  const close = async () => {
    await limits.close();
    client.disconnect();
  };
  return { client, limits, url, close };
}

/** What a store of Redis threw, as the end of a command; anything else as it is. */
export function failureOnRedis(url: string, error: unknown): unknown {
  if (!isStoreError(error)) return error;
  const inDoubt = error.charged === 'unknown' ? '; what was to be changed may be changed all the same' : '';
  return redisFailure(url, `failed${inDoubt}`, error);
}

/** What a change takes the place of; `'unreadable'` is nothing that this version of the command understands. */
export type Before = StoredLimits | 'unreadable' | undefined;

export async function heldBefore(limits: RedisLimits, account: string): Promise<Before> {
  try {
    return await limits.get(account);
  } catch (error) {
    if (isStoreError(error) && error.concerns === 'account') return 'unreadable';
    throw error;
  }
}

/** Told by its code: a program may hold two copies of the package. */
function isStoreError(error: unknown): error is StoreError {
  return error instanceof Error && 'code' in error && error.code === 'TOLLGATE_STORE_FAILED';
}

export function suspensionInWords({ since, by, reason }: Suspension): string {
  const who = by === undefined ? '' : ` by ${shownText(by)}`;
  const why = reason === undefined ? '' : `: ${shownText(reason)}`;
  return `LIMITING IS SUSPENDED, everyone is let through. Suspended at ${shownInstant(since)}${who}${why}`;
}
