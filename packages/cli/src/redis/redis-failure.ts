import type { StoreError } from '@tollgate/core';
import { RedisFailure } from '../exit-codes.js';

/** A failure of Redis, without secrets: some servers repeat in an error what they received. */
export function redisFailure(url: string, what: string, error: unknown): RedisFailure {
  const { searchParams, password } = new URL(url);
  let reason = error instanceof Error ? error.message : String(error);
  if (reason.startsWith('NOAUTH')) reason = 'it asks for a password';
  for (const secret of [password, decodeURIComponent(password), ...searchParams.values()]) {
    if (secret !== '') reason = reason.replaceAll(secret, '***');
  }
  return new RedisFailure(`Redis at ${shownServer(url)} ${what}: ${reason}`, error);
}

/** Converts a {@link StoreError}; returns any other error as it is. */
export function asRedisFailure(url: string, error: unknown): unknown {
  if (!isStoreError(error)) return error;
  return redisFailure(url, error.charged === 'unknown' ? 'failed; a change may have been made' : 'failed', error);
}

export function isStoreError(error: unknown): error is StoreError {
  return error instanceof Error && 'code' in error && error.code === 'TOLLGATE_STORE_FAILED';
}

/** The server of a URL, without secrets. */
export function shownServer(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
