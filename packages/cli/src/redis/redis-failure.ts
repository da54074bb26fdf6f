import { RedisFailure } from '../exit-codes.js';

/** What went wrong with Redis, without what may be secret in it: some servers repeat what they were sent. */
export function redisFailure(url: string, what: string, error: unknown): RedisFailure {
  const { searchParams, password } = new URL(url);
  let reason = error instanceof Error ? error.message : String(error);
  if (reason.startsWith('NOAUTH')) reason = 'it asks for a password';
  for (const secret of [password, decodeURIComponent(password), ...searchParams.values()]) {
    if (secret !== '') reason = reason.replaceAll(secret, '***');
  }
  return new RedisFailure(`Redis at ${shownServer(url)} ${what}: ${reason}`, error);
}

/** The server of a URL without what may be secret in it. */
export function shownServer(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
