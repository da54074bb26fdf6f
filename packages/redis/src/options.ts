import {
  checkInteger,
  checkOptions,
  checkString,
  optionConflictError,
  optionRangeError,
  optionTypeError,
} from '@tollgate/core/options';
import { Redis } from 'ioredis';
import type { RedisClient } from './connection.js';

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

export interface CheckedOptions {
  readonly client: RedisClient;
  readonly ownsClient: boolean;
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

/** The client that was given, or one made for the URL. */
export function readClient(
  client: RedisClient | undefined,
  url: string | undefined,
): Pick<CheckedOptions, 'client' | 'ownsClient'> {
  if (url !== undefined) {
    if (client !== undefined) throw optionConflictError('Expected either `client` or `url`, got both');
    return { client: clientOf(checkUrl(url)), ownsClient: true };
  }
  if (!isClient(client)) throw optionTypeError('client', 'an ioredis client or Cluster, unless `url` is given', client);
  return { client, ownsClient: false };
}

/** Told by what it can do, not by its class: a program may hold two copies of ioredis. */
function isClient(client: RedisClient | undefined): client is RedisClient {
  return (
    typeof client === 'object' &&
    client !== null &&
    typeof client.call === 'function' &&
    typeof client.sendCommand === 'function' &&
    typeof client.status === 'string'
  );
}

/** Braces would move the hash tag, and the rest is what makes a key hard to read. */
export function checkPrefix(prefix: string): string {
  const rule = '1 to 64 characters of A-Z a-z 0-9 . _ - : /';
  checkString('prefix', prefix);
  if (!/^[\w.:/-]{1,64}$/.test(prefix)) throw optionRangeError('prefix', rule, prefix);
  return prefix;
}

function checkUrl(url: string): string {
  const rule = 'a redis: or rediss: URL';
  checkString('url', url);
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol))
    throw optionRangeError('url', rule, '(not shown)');
  return url;
}

/** Comes back quickly after an outage, and notices a server that fell silent. */
function clientOf(url: string): RedisClient {
  const client = new Redis(url, {
    connectTimeout: 2000,
    socketTimeout: 5000,
    retryStrategy: (attempt) => Math.min(attempt * 50, 1000),
  });
  // Without a listener ioredis writes to the console; what matters of a failure, the limiter tells.
  client.on('error', () => {});
  return client;
}
