import { checkInteger, checkOptions, optionTypeError } from '@tollgate/core/kit';
import { checkPrefix, readClient } from '../client.js';
import type { LimitsClient } from './subscription.js';

export interface RedisLimitsOptions {
  /**
   * An ioredis 5 or 6 client or Cluster, connected or not. It stays yours: the limits never close it. A second connection is
   * made like it, to listen. Either this or `url`.
   */
  readonly client?: LimitsClient;
  /** Where a Redis is, as `redis://` or `rediss://`; the limits make their own client and close it. */
  readonly url?: string;
  /** What the keys begin with: 1 to 64 characters of `A-Z a-z 0-9 . _ - : /`, default `tollgate`. */
  readonly prefix?: string;
  /** How often Redis is asked for changes that were not heard of: an integer from 50 to 60000 milliseconds, default 500. */
  readonly refreshMs?: number;
  /** How long a change, a question or the first load may wait for Redis: an integer from 1 to 60000 milliseconds, default 1000. */
  readonly timeoutMs?: number;
}

const OPTIONS: readonly string[] = ['client', 'url', 'prefix', 'refreshMs', 'timeoutMs'];

export interface CheckedOptions {
  readonly client: LimitsClient;
  readonly ownsClient: boolean;
  readonly prefix: string;
  readonly refreshMs: number;
  readonly timeoutMs: number;
}

export function readOptions(options: RedisLimitsOptions): CheckedOptions {
  checkOptions('RedisLimits', options, OPTIONS);
  const { prefix = 'tollgate', refreshMs = 500, timeoutMs = 1000 } = options;
  const checked = {
    prefix: checkPrefix(prefix),
    refreshMs: checkInteger('refreshMs', refreshMs, 50, 60_000),
    timeoutMs: checkInteger('timeoutMs', timeoutMs, 1, 60_000),
  };
  const { client, ownsClient } = readClient(options.client, options.url);
  if (!('duplicate' in client) || typeof client.duplicate !== 'function') {
    throw optionTypeError('client', 'an ioredis client or Cluster, unless `url` is given', client);
  }
  return { ...checked, client: client as LimitsClient, ownsClient };
}
