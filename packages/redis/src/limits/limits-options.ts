import { type Clock, defineAccountLayer, type Layer } from '@tollgate/core';
import {
  checkFunction,
  checkInteger,
  checkOptions,
  checkString,
  monotonicClock,
  optionRangeError,
  optionTypeError,
  showName,
} from '@tollgate/core/kit';
import { type CheckedRedis, type RedisOptions, readRedis } from '../client.js';
import { MAX_ACCOUNT_LENGTH, MAX_LAYER_LENGTH } from './stored-limits.js';
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

/** Who makes a change of an account's limits, and to which version of them. */
export interface ChangeOptions {
  /** Stored with the change: 1 to 256 characters. */
  readonly by?: string;
  /** The version that the account's limits must have, 0 if it must have none. Otherwise the change is refused. */
  readonly ifVersion?: number;
}

export function checkAccount(account: unknown): string {
  return checkText('account', account, MAX_ACCOUNT_LENGTH);
}

export function checkChange(options: ChangeOptions): ChangeOptions {
  const { by, ifVersion } = checkOptions('change', options, ['by', 'ifVersion']) as ChangeOptions;
  return {
    ...checkBy(by),
    ...(ifVersion !== undefined && { ifVersion: checkInteger('ifVersion', ifVersion, 0, Number.MAX_SAFE_INTEGER) }),
  };
}

export function checkBy(by: unknown): { readonly by?: string } {
  return by === undefined ? {} : { by: checkText('by', by, MAX_NAME_LENGTH) };
}

export function checkReason(reason: unknown): { readonly reason?: string } {
  return reason === undefined ? {} : { reason: checkText('reason', reason, MAX_REASON_LENGTH) };
}

/** The layer after a round trip through JSON, which must be valid as well. */
export function checkLayer(account: string, layer: Layer): Layer {
  const path = `limits.${showName(account)}`;
  defineAccountLayer(layer, path);
  const text = JSON.stringify(layer);
  if (text.length > MAX_LAYER_LENGTH) {
    throw optionRangeError(path, `a layer of at most ${MAX_LAYER_LENGTH} characters of JSON`, text);
  }
  const stored = JSON.parse(text) as Layer;
  defineAccountLayer(stored, path);
  return stored;
}

const MAX_NAME_LENGTH = 256;
const MAX_REASON_LENGTH = 1024;

function checkText(option: string, text: unknown, longest: number): string {
  const checked = checkString(option, text);
  if (checked.length > longest) throw optionRangeError(option, `a string of 1 to ${longest} characters`, checked);
  return checked;
}
