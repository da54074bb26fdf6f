import { checkInteger, checkOptions } from '@tollgate/core/kit';
import { checkPrefix, readClient } from '../client.js';
import type { RedisClient } from '../connection.js';

export interface RedisUsageOptions {
  /** An ioredis 5 or 6 client or Cluster, connected or not. It stays yours: it is never closed. Either this or `url`. */
  readonly client?: RedisClient;
  /** Where a Redis is, as `redis://` or `rediss://`; a client is made for it, and closed. */
  readonly url?: string;
  /** What the keys begin with: 1 to 64 characters of `A-Z a-z 0-9 . _ - : /`, default `tollgate`. */
  readonly prefix?: string;
  /** For how many days usage is kept: an integer from 1 to 366, default 30. It holds for what is added from then on. */
  readonly keepDays?: number;
  /** How long a question may wait for Redis: an integer from 1 to 60000 milliseconds, default 1000. */
  readonly timeoutMs?: number;
}

const OPTIONS: readonly string[] = ['client', 'url', 'prefix', 'keepDays', 'timeoutMs'];

export interface CheckedOptions {
  readonly client: RedisClient;
  readonly ownsClient: boolean;
  readonly prefix: string;
  readonly keepDays: number;
  readonly timeoutMs: number;
}

export function readOptions(options: RedisUsageOptions): CheckedOptions {
  checkOptions('RedisUsage', options, OPTIONS);
  const { prefix = 'tollgate', keepDays = 30, timeoutMs = 1000 } = options;
  const checked = {
    prefix: checkPrefix(prefix),
    keepDays: checkInteger('keepDays', keepDays, 1, 366),
    timeoutMs: checkInteger('timeoutMs', timeoutMs, 1, 60_000),
  };
  return { ...checked, ...readClient(options.client, options.url) };
}
