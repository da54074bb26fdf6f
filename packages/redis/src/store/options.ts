import type { Clock } from '@tollgate/core';
import { checkFunction, checkInteger, checkOptions, monotonicClock } from '@tollgate/core/kit';
import { checkPrefix, type GivenClient, readClient } from '../client.js';
import type { RedisClient } from '../connection.js';

export interface RedisStoreOptions {
  /**
   * An ioredis 5 or 6 client or Cluster, connected or not. It stays yours: the store never closes it. Either this or `url`.
   */
  readonly client?: RedisClient;
  /** The address of a Redis, as `redis://` or `rediss://`. The store makes its own client and closes it. */
  readonly url?: string;
  /** The beginning of all keys: 1 to 64 characters of `A-Z a-z 0-9 . _ - : /`, default `tollgate`. */
  readonly prefix?: string;
  /** How long a decision may wait for Redis: an integer from 1 to 60000 milliseconds, default 100. */
  readonly timeoutMs?: number;
  /** The most steps of one script call, where equal charges are one step: an integer from 1 to 1000, default 100. */
  readonly maxBatch?: number;
  /** The most operations that may wait: an integer from 1 to 1000000, default 10000. One more fails at once. */
  readonly maxPending?: number;
  /** The most accounts with remembered refusals: an integer from 0 to 1000000, default 10000. With 0 Redis is always asked. */
  readonly denyCacheSize?: number;
  /**
   * The process's clock: monotonic milliseconds, default `performance.now`. Waits and remembered refusals are measured with
   * it. Windows are not: they follow the clock of Redis. For tests, which move both.
   */
  readonly clock?: Clock;
}

const OPTIONS: readonly string[] = [
  'client',
  'url',
  'prefix',
  'timeoutMs',
  'maxBatch',
  'maxPending',
  'denyCacheSize',
  'clock',
];

export type CheckedOptions = GivenClient & Required<Omit<RedisStoreOptions, 'client' | 'url'>>;

export function readOptions(options: RedisStoreOptions): CheckedOptions {
  checkOptions('RedisStore', options, OPTIONS);
  const { client, url, prefix = 'tollgate', timeoutMs = 100, maxBatch = 100, maxPending = 10_000 } = options;
  const { denyCacheSize = 10_000, clock = monotonicClock } = options;
  const checked = {
    prefix: checkPrefix(prefix),
    timeoutMs: checkInteger('timeoutMs', timeoutMs, 1, 60_000),
    maxBatch: checkInteger('maxBatch', maxBatch, 1, 1000),
    maxPending: checkInteger('maxPending', maxPending, 1, 1_000_000),
    denyCacheSize: checkInteger('denyCacheSize', denyCacheSize, 0, 1_000_000),
    clock: checkFunction('clock', clock),
  };
  return { ...checked, ...readClient(client, url) };
}
