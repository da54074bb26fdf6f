import { pageOf, showName } from '../errors.js';
import type { Decision } from './decision.js';

/**
 * A charge was refused. Only `limiter.consumeOrThrow` throws it, or rejects with it; everywhere else a refusal is a
 * value. Recognise it by its `code`, not its class: a program may have two copies of this package.
 */
export class RateLimitError extends Error {
  readonly code = 'TOLLGATE_LIMITED';
  /** The address of the heading that explains the code. */
  readonly page: string = pageOf('TOLLGATE_LIMITED');
  readonly decision: Decision;

  constructor(decision: Decision) {
    const { category, reason, retryAfterMs } = decision;
    const wait = retryAfterMs === null ? 'no wait helps' : `retry after ${retryAfterMs} ms`;
    super(`The rate limit refuses this charge on ${showName(category)}: ${reason}, ${wait}`);
    this.name = 'RateLimitError';
    this.decision = decision;
  }

  /** The decision's own `retryAfterMs`. */
  get retryAfterMs(): number | null {
    return this.decision.retryAfterMs;
  }
}
