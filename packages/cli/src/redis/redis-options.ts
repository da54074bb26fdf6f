import { type Command, Option } from 'commander';
import { UsageError } from '../exit-codes.js';

/** The options of a command that asks Redis. */
export interface RedisOptions {
  readonly redis: string;
  readonly prefix: string;
  readonly timeout: number;
}

/** Adds the options of {@link RedisOptions}. */
export function addRedisOptions(command: Command): Command {
  const url = new Option('--redis <url>', 'the URL of Redis').env('REDIS_URL').default(DEFAULT_URL).helpGroup(GROUP);
  return addPrefixAndTimeout(command.addOption(url));
}

export function addPrefixAndTimeout(command: Command): Command {
  return command
    .addOption(
      new Option('--prefix <prefix>', 'the prefix of its keys')
        .default('tollgate')
        .argParser(parsePrefix)
        .helpGroup(GROUP),
    )
    .addOption(
      new Option('--timeout <ms>', 'how long to wait for Redis, in milliseconds')
        .default(2000)
        .argParser(parseTimeout)
        .helpGroup(GROUP),
    );
}

/** The heading of these options in the help. */
export const GROUP = 'Redis:';
const DEFAULT_URL = 'redis://127.0.0.1:6379';

/**
 * Checks the URL. A command does so only when it connects, so that its help also works with a wrong REDIS_URL. No error
 * shows the URL, since it may contain a password.
 *
 * @throws UsageError when it is not the URL of a Redis.
 */
export function checkedUrl(url: string): string {
  if (url === '') return DEFAULT_URL;
  if (!isRedisUrl(url)) {
    throw new UsageError('Expected --redis, or REDIS_URL, to be a redis: or rediss: URL');
  }
  return url;
}

function isRedisUrl(url: string): boolean {
  try {
    const { protocol, username, password } = new URL(url);
    // Throws when they are not percent-encoded.
    decodeURIComponent(username + password);
    return /^rediss?:$/.test(protocol);
  } catch {
    return false;
  }
}

function parsePrefix(prefix: string): string {
  if (!/^[\w.:/-]{1,64}$/.test(prefix)) {
    throw new UsageError('Expected --prefix to be 1 to 64 characters of A-Z a-z 0-9 . _ - : /');
  }
  return prefix;
}

function parseTimeout(ms: string): number {
  const timeoutMs = /^\d+$/.test(ms) ? Number(ms) : 0;
  if (timeoutMs < 1 || timeoutMs > 60_000) {
    throw new UsageError('Expected --timeout to be a whole number of milliseconds from 1 to 60000');
  }
  return timeoutMs;
}
