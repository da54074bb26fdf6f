import { checkString, optionConflictError, optionRangeError, optionTypeError } from '@tollgate/core/kit';
import { Redis } from 'ioredis';
import type { RedisClient } from './connection.js';

/** A client, and whether the store made it and has to close it. */
export interface GivenClient {
  readonly client: RedisClient;
  readonly ownsClient: boolean;
}

/** Returns the client, or makes one for the URL. */
export function readClient(client: RedisClient | undefined, url: string | undefined): GivenClient {
  if (url !== undefined) {
    if (client !== undefined) throw optionConflictError('Expected either `client` or `url`, got both');
    return { client: clientOf(checkUrl(url)), ownsClient: true };
  }
  if (!isClient(client)) throw optionTypeError('client', 'an ioredis client or Cluster, unless `url` is given', client);
  return { client, ownsClient: false };
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
