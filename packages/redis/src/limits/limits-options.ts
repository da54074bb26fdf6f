import type { Clock } from '@tollgate/core';
import { checkFunction, checkInteger, checkOptions, monotonicClock, optionTypeError } from '@tollgate/core/kit';
import { type CheckedRedis, type RedisOptions, readRedis } from '../client.js';
import type { LimitsClient } from './subscription.js';

/** With `client`, a second connection like it subscribes to changes. */
export interface RedisLimitsOptions extends RedisOptions<LimitsClient> {
  /** How often Redis is asked for changes without a message: an integer from 50 to 60000 milliseconds, default 500. */
  readonly refreshMs?: number;
  /** How long a change, a read or the first load may wait: an integer from 1 to 60000 milliseconds, default 1000. */
  readonly timeoutMs?: number;
  /** The process's clock: monotonic milliseconds, default `performance.now`. It measures the age of the copy. */
  readonly clock?: Clock;
}

const OPTIONS = ['client', 'url', 'prefix', 'refreshMs', 'timeoutMs', 'clock'];

export function readOptions(options: RedisLimitsOptions): CheckedRedis & Required<Omit<RedisLimitsOptions, 'url'>> {
  checkOptions('RedisLimits', options, OPTIONS);
  const { refreshMs = 500, timeoutMs = 1000, clock = monotonicClock } = options;
  const checked = {
    refreshMs: checkInteger('refreshMs', refreshMs, 50, 60_000),
    timeoutMs: checkInteger('timeoutMs', timeoutMs, 1, 60_000),
    clock: checkFunction('clock', clock),
    ...readRedis(options),
  };
  const { client } = checked;
  if (!('duplicate' in client) || typeof client.duplicate !== 'function') {
    throw optionTypeError('client', 'an ioredis client or Cluster, unless `url` is given', client);
  }
  return { ...checked, client: client as LimitsClient };
}
