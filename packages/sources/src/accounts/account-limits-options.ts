import type { Clock } from '@tollgate/core';
import { checkFunction, checkInteger, checkOneOf, checkOptions, monotonicClock } from '@tollgate/core/kit';
import { safeCallback } from '../callback.js';

export interface AccountLimitsOptions {
  /** How long an answer is used before it is renewed, in milliseconds: an integer from 0 to 86400000, default 60000. */
  readonly freshMs?: number;
  /**
   * How much longer an answer is used while it is renewed, or while the function fails, in milliseconds: an integer
   * from 0 to 2678400000. Default: as long as it is cached.
   */
  readonly staleMs?: number;
  /**
   * How many accounts with limits of their own are cached, the last used ones: an integer from 1 to 1000000, default
   * 10000. The same number of accounts without limits of their own is cached beside them.
   */
  readonly maxAccounts?: number;
  /** How long requests wait for one fetch, in milliseconds: an integer from 1 to 60000, default 100. */
  readonly timeoutMs?: number;
  /** How long a fetch may take before it is aborted, in milliseconds: an integer from 1 to 600000, default 10000. */
  readonly abortMs?: number;
  /**
   * How long an account is not fetched after a failure, in milliseconds: an integer from 0 to 86400000, default 1000.
   */
  readonly retryMs?: number;
  /**
   * How many fetches may be pending: an integer from 1 to 100000, default 1000. Above that, no further fetch starts.
   */
  readonly maxPending?: number;
  /**
   * What decides for an account without a usable answer that is not fetched because of `maxPending`: `'policy'` (the
   * default) or `'deny'`, which refuses its requests. Deny where an account may have lower limits than the policy's: a
   * flood of invented accounts would otherwise suspend them.
   */
  readonly unasked?: 'policy' | 'deny';
  /** Called with each failure. Default: a warning of the process when failures begin. */
  readonly onError?: (error: Error, account: string) => unknown;
  /** Default: `monotonicClock`. */
  readonly clock?: Clock;
}

export type CheckedOptions = Required<Omit<AccountLimitsOptions, 'onError'>> & {
  readonly onError: ((error: Error, account: string) => void) | undefined;
};

export function readOptions(options: AccountLimitsOptions): CheckedOptions {
  checkOptions('accountLimits', options, OPTIONS);
  const { freshMs = 60_000, staleMs, maxAccounts = 10_000, timeoutMs = 100, abortMs = 10_000 } = options;
  const { retryMs = 1000, maxPending = 1000, unasked = 'policy', onError, clock = monotonicClock } = options;
  return {
    freshMs: checkInteger('freshMs', freshMs, 0, DAY_MS),
    staleMs: staleMs === undefined ? Number.POSITIVE_INFINITY : checkInteger('staleMs', staleMs, 0, 31 * DAY_MS),
    maxAccounts: checkInteger('maxAccounts', maxAccounts, 1, 1_000_000),
    timeoutMs: checkInteger('timeoutMs', timeoutMs, 1, 60_000),
    abortMs: checkInteger('abortMs', abortMs, 1, 600_000),
    retryMs: checkInteger('retryMs', retryMs, 0, DAY_MS),
    maxPending: checkInteger('maxPending', maxPending, 1, 100_000),
    unasked: checkOneOf('unasked', unasked, ['policy', 'deny'] as const),
    onError: onError && safeCallback('onError', onError),
    clock: checkFunction('clock', clock),
  };
}

const OPTIONS: readonly string[] = [
  ...[
    'freshMs',
    'staleMs',
    'maxAccounts',
    'timeoutMs',
    'abortMs',
    'retryMs',
    'maxPending',
    'unasked',
    'onError',
    'clock',
  ],
];
const DAY_MS = 86_400_000;
