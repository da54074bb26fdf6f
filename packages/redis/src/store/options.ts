import type { Clock } from '@tollgate/core';
import { checkFunction, checkInteger, checkOptions, monotonicClock } from '@tollgate/core/kit';
import { type CheckedRedis, type RedisOptions, readRedis } from '../client.js';

export interface RedisStoreOptions extends RedisOptions {
  /** How long a decision may wait for Redis: an integer from 1 to 60000 milliseconds, default 100. */
  readonly timeoutMs?: number;
  /** The most steps of one script call, where equal charges are one step: an integer from 1 to 1000, default 100. */
  readonly maxBatch?: number;
  /** The most operations that may wait: an integer from 1 to 1000000, default 10000. One more fails at once. */
  readonly maxPending?: number;
  /** The most accounts with remembered refusals: an integer from 0 to 1000000, default 10000. With 0 there are none. */
  readonly denyCacheSize?: number;
  /**
   * The process's clock: monotonic milliseconds, default `performance.now`. It measures waits and the age of remembered
   * refusals. Windows follow the clock of Redis. A test that moves time moves both.
   */
  readonly clock?: Clock;
}

const OPTIONS = ['client', 'url', 'prefix', 'timeoutMs', 'maxBatch', 'maxPending', 'denyCacheSize', 'clock'];

export function readOptions(options: RedisStoreOptions): CheckedRedis & Required<Omit<RedisStoreOptions, 'url'>> {
  checkOptions('RedisStore', options, OPTIONS);
  const { timeoutMs = 100, maxBatch = 100, maxPending = 10_000, denyCacheSize = 10_000 } = options;
  const { clock = monotonicClock } = options;
  return {
    timeoutMs: checkInteger('timeoutMs', timeoutMs, 1, 60_000),
    maxBatch: checkInteger('maxBatch', maxBatch, 1, 1000),
    maxPending: checkInteger('maxPending', maxPending, 1, 1_000_000),
    denyCacheSize: checkInteger('denyCacheSize', denyCacheSize, 0, 1_000_000),
    clock: checkFunction('clock', clock),
    // Comes last: it may make a client, which an error would leave open.
    ...readRedis(options),
  };
}
