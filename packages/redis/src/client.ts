import { checkString, optionConflictError, optionRangeError, optionTypeError } from '@tollgate/core/kit';
import { Redis } from 'ioredis';
import type { RedisClient } from './connection.js';

/** The options that say which Redis to use, and where on it. */
export interface RedisOptions<Client extends RedisClient = RedisClient> {
  /**
   * An ioredis 5 or 6 client or Cluster, connected or not. It stays yours: it is never closed. Either this or `url`.
   */
  readonly client?: Client;
  /** The address of a Redis, as `redis://` or `rediss://`. A client is made for it, and closed by `close`. */
  readonly url?: string;
  /** The beginning of all keys: 1 to 64 characters of `A-Z a-z 0-9 . _ - : /`, default `tollgate`. */
  readonly prefix?: string;
}

export interface CheckedRedis {
  readonly client: RedisClient;
  /** Whether the client was made here, and has to be closed. */
  readonly ownsClient: boolean;
  readonly prefix: string;
}

export function readRedis({ client, url, prefix = 'tollgate' }: RedisOptions): CheckedRedis {
  const checked = checkPrefix(prefix);
  if (url !== undefined) {
    if (client !== undefined) throw optionConflictError('Expected either `client` or `url`, got both');
    return { client: clientOf(checkUrl(url)), ownsClient: true, prefix: checked };
  }
  if (!isClient(client)) throw optionTypeError('client', 'an ioredis client or Cluster, unless `url` is given', client);
  return { client, ownsClient: false, prefix: checked };
}

/** By its members, not by its class: a program may have two copies of ioredis. */
function isClient(client: RedisClient | undefined): client is RedisClient {
  return (
    typeof client === 'object' &&
    client !== null &&
    typeof client.call === 'function' &&
    typeof client.sendCommand === 'function' &&
    typeof client.status === 'string'
  );
}

/** Braces would move the hash tag. The other excluded characters make a key hard to read. */
function checkPrefix(prefix: string): string {
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

/** A client that reconnects quickly after an outage, and notices a server that stops answering. */
function clientOf(url: string): RedisClient {
  const client = new Redis(url, {
    connectTimeout: 2000,
    socketTimeout: 5000,
    retryStrategy: (attempt) => Math.min(attempt * 50, 1000),
  });
  // Without a listener ioredis writes to the console. The limiter reports failures.
  client.on('error', () => {});
  return client;
}
