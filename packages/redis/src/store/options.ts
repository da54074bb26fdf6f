import { checkInteger, checkOptions } from '@tollgate/core/kit';
import { checkPrefix, type GivenClient, readClient } from '../client.js';
import type { RedisClient } from '../connection.js';

export interface RedisStoreOptions {
  /**
   * An ioredis 5 or 6 client or Cluster, connected or not. It stays yours: the store never closes it. Either this or `url`.
   */
  readonly client?: RedisClient;
  /** Where a Redis is, as `redis://` or `rediss://`; the store makes its own client and closes it. */
  readonly url?: string;
  /** What the keys begin with: 1 to 64 characters of `A-Z a-z 0-9 . _ - : /`, default `tollgate`. */
  readonly prefix?: string;
  /** How long a decision may wait for Redis: an integer from 1 to 60000 milliseconds, default 100. */
  readonly timeoutMs?: number;
  /** The most runs of equal charges in one script call: an integer from 1 to 1000, default 100. */
  readonly maxBatch?: number;
  /** The most operations that may wait: an integer from 1 to 1000000, default 10000. One more fails at once. */
  readonly maxPending?: number;
  /** Of how many accounts refusals are remembered: an integer from 0 to 1000000, default 10000. 0 asks Redis each time. */
  readonly denyCacheSize?: number;
}

const OPTIONS: readonly string[] = ['client', 'url', 'prefix', 'timeoutMs', 'maxBatch', 'maxPending', 'denyCacheSize'];

export interface CheckedOptions extends GivenClient {
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly maxBatch: number;
  readonly maxPending: number;
  readonly denyCacheSize: number;
}

export function readOptions(options: RedisStoreOptions): CheckedOptions {
  checkOptions('RedisStore', options, OPTIONS);
  const { client, url, prefix = 'tollgate', timeoutMs = 100, maxBatch = 100, maxPending = 10_000 } = options;
  const { denyCacheSize = 10_000 } = options;
  const checked = {
    prefix: checkPrefix(prefix),
    timeoutMs: checkInteger('timeoutMs', timeoutMs, 1, 60_000),
    maxBatch: checkInteger('maxBatch', maxBatch, 1, 1000),
    maxPending: checkInteger('maxPending', maxPending, 1, 1_000_000),
    denyCacheSize: checkInteger('denyCacheSize', denyCacheSize, 0, 1_000_000),
  };
  return { ...checked, ...readClient(client, url) };
}
