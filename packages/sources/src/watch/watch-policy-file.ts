import type { RateLimiter } from '@tollgate/core';
import { checkInteger, checkOptions } from '@tollgate/core/kit';
import { safeCallback } from '../callback.js';
import {
  type LoadOptions,
  type ParsedPolicy,
  type PolicyFileError,
  parsePolicyAside,
  readPolicyFile,
} from '../parse/index.js';
import { PolicyWatch } from './policy-watch.js';

export interface WatchOptions extends LoadOptions {
  /** Gets the policy and each later one, as by {@link PolicyWatch.feed}. */
  readonly limiter?: RateLimiter;
  /** Called with each policy after the first, after the limiters have it. */
  readonly onPolicy?: (parsed: ParsedPolicy) => unknown;
  /**
   * Called once for each content of the file that cannot be used, and for a limiter that cannot use a policy. The
   * policy in force stays. Default: a warning of the process.
   */
  readonly onError?: (error: PolicyFileError) => unknown;
  /** How often the file is read without an event, in milliseconds: an integer from 100 to 86400000, default 30000. */
  readonly pollMs?: number;
  /** How long a change must last before it counts, in milliseconds: an integer from 1 to 10000, default 100. */
  readonly settleMs?: number;
}

/**
 * Reads a policy from a file, as {@link loadPolicyFile} does, and again whenever the file changes. The file may be
 * written in place, replaced by a rename, deleted and made again, or reached by symbolic links that change, such as
 * those of a Kubernetes ConfigMap. A change counts when it has lasted for `settleMs`. A file that cannot be used
 * changes nothing: the whole policy in force stays.
 *
 * Watching does not keep the process alive.
 *
 * Rejects with a `PolicyFileError`, `TOLLGATE_POLICY_FILE`, when the file cannot be used at the start; with what
 * {@link PolicyWatch.feed} throws; and with a TypeError or RangeError for options that it cannot use.
 *
 * @example
 * const watch = await watchPolicyFile('policy.yaml');
 * const limiter = new RateLimiter({ policy: watch.policy });
 * watch.feed(limiter);
 */
export async function watchPolicyFile(path: string, options: WatchOptions = {}): Promise<PolicyWatch> {
  checkOptions('watchPolicyFile', options, ['limiter', 'onPolicy', 'onError', 'pollMs', 'settleMs', 'maxBytes']);
  const { limiter, onPolicy = () => {}, onError = warn, pollMs = 30_000, settleMs = 100, maxBytes } = options;
  const settings = {
    maxBytes,
    pollMs: checkInteger('pollMs', pollMs, 100, 86_400_000),
    settleMs: checkInteger('settleMs', settleMs, 1, 10_000),
    onPolicy: safeCallback('onPolicy', onPolicy),
    onError: safeCallback('onError', onError),
  };
  const text = await readPolicyFile(path, maxBytes);
  const watch = new PolicyWatch(path, text, await parsePolicyAside(text, path), settings);
  try {
    if (limiter !== undefined) watch.feed(limiter);
  } catch (error) {
    await watch.close();
    throw error;
  }
  return watch;
}

function warn(error: PolicyFileError): void {
  process.emitWarning(`A policy file cannot be used, and changes nothing: ${error.message}`, { code: error.code });
}
