import type { Policy, RateLimiter } from '@tollgate/core';
import { optionTypeError } from '@tollgate/core/kit';

/** Limiters that share a policy, and get each that follows. */
export class FedLimiters {
  readonly #limiters = new Set<RateLimiter>();

  /** Returns what takes it out again. */
  add(limiter: RateLimiter, policy: Policy): () => void {
    if (typeof limiter?.setPolicy !== 'function') throw optionTypeError('limiter', 'a RateLimiter', limiter);
    if (limiter.policy !== policy) limiter.setPolicy(policy);
    this.#limiters.add(limiter);
    return () => {
      this.#limiters.delete(limiter);
    };
  }

  /** Returns what was thrown by those that cannot use it. One that is closed is let go. */
  give(policy: Policy): Error[] {
    const errors: Error[] = [];
    for (const limiter of this.#limiters) {
      try {
        limiter.setPolicy(policy);
      } catch (error) {
        if ((error as { readonly code?: unknown }).code === 'TOLLGATE_CLOSED') this.#limiters.delete(limiter);
        else errors.push(error as Error);
      }
    }
    return errors;
  }

  clear(): void {
    this.#limiters.clear();
  }
}
