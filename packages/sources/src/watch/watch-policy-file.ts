import type { RateLimiter } from '@tollgate/core';
import { checkInteger, checkOptions } from '@tollgate/core/kit';
import { harmless } from '../harmless.js';
import {
  type LoadOptions,
  type ParsedPolicy,
  type PolicyFileError,
  parsePolicy,
  readPolicyFile,
} from '../parse/index.js';
import { PolicyWatch } from './policy-watch.js';

export interface WatchOptions extends LoadOptions {
  /** Gets the policy, and each that follows: as by {@link PolicyWatch.feed}. */
  readonly limiter?: RateLimiter;
  /** Called with each policy after the first, when the limiters have it. */
  readonly onPolicy?: (parsed: ParsedPolicy) => unknown;
  /**
   * Called once for each state of the file that cannot be used, and for a limiter that cannot use a policy; the policy in
   * force stays. Default: a warning of the process.
   */
  readonly onError?: (error: PolicyFileError) => unknown;
  /** How often the file is read without a sign of a change, in milliseconds: an integer from 100 to 86400000, default 30000. */
  readonly pollMs?: number;
  /** How long a change must have lasted to count, in milliseconds: an integer from 1 to 10000, default 100. */
  readonly settleMs?: number;
}

/**
 * Reads a policy from a file, as {@link loadPolicyFile} does, and again whenever the file changes. Written in place, replaced
 * by a rename, deleted and made anew, or reached by symbolic links that are changed, as those of a Kubernetes ConfigMap: what
 * holds for `settleMs` counts. A file that cannot be used changes nothing: the policy in force stays, whole.
 *
 * Watching does not keep the process alive.
 *
 * Rejects with a `PolicyFileError`, `TOLLGATE_POLICY_FILE`, when the file cannot be used at first, and with what
 * {@link PolicyWatch.feed} throws; with a TypeError or RangeError for options that it could not use.
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
    onPolicy: harmless('onPolicy', onPolicy),
    onError: harmless('onError', onError),
  };
  const text = await readPolicyFile(path, maxBytes);
  const watch = new PolicyWatch(path, text, parsePolicy(text, { file: path }), settings);
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
