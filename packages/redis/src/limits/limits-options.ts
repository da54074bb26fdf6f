import type { Clock } from '@tollgate/core';
import { checkFunction, checkInteger, checkOptions, monotonicClock, optionTypeError } from '@tollgate/core/kit';
import { checkPrefix, readClient } from '../client.js';
import type { LimitsClient } from './subscription.js';

export interface RedisLimitsOptions {
  /**
   * An ioredis 5 or 6 client or Cluster, connected or not. It stays yours: the limits never close it. They make a second
   * connection like it, to subscribe. Either this or `url`.
   */
  readonly client?: LimitsClient;
  /** The address of a Redis, as `redis://` or `rediss://`. The limits make their own client and close it. */
  readonly url?: string;
  /** The beginning of all keys: 1 to 64 characters of `A-Z a-z 0-9 . _ - : /`, default `tollgate`. */
  readonly prefix?: string;
  /** How often Redis is asked for changes without a message: an integer from 50 to 60000 milliseconds, default 500. */
  readonly refreshMs?: number;
  /** How long a change, a read or the first load may wait for Redis: an integer from 1 to 60000 milliseconds, default 1000. */
  readonly timeoutMs?: number;
  /** The process's clock: monotonic milliseconds, default `performance.now`. It measures how old the copy is. For tests. */
  readonly clock?: Clock;
}

const OPTIONS: readonly string[] = ['client', 'url', 'prefix', 'refreshMs', 'timeoutMs', 'clock'];

export interface CheckedOptions extends Required<Omit<RedisLimitsOptions, 'url'>> {
  readonly ownsClient: boolean;
}

export function readOptions(options: RedisLimitsOptions): CheckedOptions {
  checkOptions('RedisLimits', options, OPTIONS);
  const { prefix = 'tollgate', refreshMs = 500, timeoutMs = 1000, clock = monotonicClock } = options;
  const checked = {
    prefix: checkPrefix(prefix),
    refreshMs: checkInteger('refreshMs', refreshMs, 50, 60_000),
    timeoutMs: checkInteger('timeoutMs', timeoutMs, 1, 60_000),
    clock: checkFunction('clock', clock),
  };
  const { client, ownsClient } = readClient(options.client, options.url);
  if (!('duplicate' in client) || typeof client.duplicate !== 'function') {
    throw optionTypeError('client', 'an ioredis client or Cluster, unless `url` is given', client);
  }
  return { ...checked, client: client as LimitsClient, ownsClient };
}
