import { checkInteger, checkString, optionConflictError, optionRangeError, optionTypeError } from '@tollgate/core/kit';
import { Redis } from 'ioredis';

/**
 * The members of an ioredis client or Cluster that are used. The classes of ioredis 5 and 6 are different types, and a
 * program may have either.
 */
export interface RedisClient {
  readonly status: string;
  readonly isCluster: boolean;
  readonly options: {
    readonly keyPrefix?: string | undefined;
    readonly db?: number | undefined;
    readonly redisOptions?: { readonly db?: number | undefined } | undefined;
  };
  call(command: string, args: (string | Buffer | number)[]): Promise<unknown>;
  callBuffer(command: string, args: (string | Buffer | number)[]): Promise<unknown>;
  sendCommand(command: never, stream?: never): unknown;
  connect(): Promise<void>;
  disconnect(reconnect?: boolean): void;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

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
  checkDatabase(client);
  return { client, ownsClient: false, prefix: checked };
}

/** ioredis continues in database 0 where it does not understand the number of another one. */
function checkDatabase({ isCluster, options: { db, redisOptions } }: RedisClient): void {
  if (isCluster) checkInteger('client.options.redisOptions.db', redisOptions?.db ?? 0, 0, 0);
  else checkInteger('client.options.db', db ?? 0, 0, MAX_DATABASE);
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

/** No error shows the URL, since it may contain a password. */
function checkUrl(url: string): string {
  checkString('url', url);
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^rediss?:$/.test(parsed.protocol) || !isDecodable(parsed)) {
    throw optionRangeError('url', 'a redis: or rediss: URL', '(not shown)');
  }
  const databases = [parsed.pathname.slice(1), ...parsed.searchParams.getAll('db')];
  if (databases.some((database) => !/^\d{0,9}$/.test(database))) {
    throw optionRangeError('url', 'a URL that names the database by a number', '(not shown)');
  }
  return url;
}

function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

/** A client that reconnects quickly after an outage, and notices a server that stops answering. */
function clientOf(url: string): RedisClient {
  return new Redis(url, {
    connectTimeout: 2000,
    socketTimeout: 5000,
    retryStrategy: (attempt) => Math.min(attempt * 50, 1000),
  });
}

const MAX_DATABASE = 2 ** 31 - 1;
