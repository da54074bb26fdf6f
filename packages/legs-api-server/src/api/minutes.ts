import type { Decision, MaybePromise, RateLimiter, Receipt } from '@tollgate/core';
import { wallClock } from '@tollgate/core/kit';
import { type Reply, tooMany } from './reply.js';

/**
 * The minutes that an account may talk. Ten are reserved when a leg is made, and settled to what it really took when it
 * is hung up. Limited only where the policy has the category `minutes`, since 100 a minute would be a strange default.
 */
export class Minutes {
  readonly #limiter: RateLimiter;

  constructor(limiter: RateLimiter) {
    this.#limiter = limiter;
  }

  /** The reply to a leg for which the account has no minutes left, or the receipt of the reserved ones. */
  async reserve(account: string): Promise<{ readonly refusal?: Reply; readonly receipt?: Receipt | undefined }> {
    if (!this.#limiter.policy.known.categories.includes(CATEGORY)) return {};
    const decision: Decision = await this.#limiter.consume({ account, category: CATEGORY, cost: RESERVED });
    return decision.allowed ? { receipt: decision.receipt } : { refusal: tooMany(decision) };
  }

  /** Settles a leg that was made at that time. While the store fails, its reserved minutes stay. */
  async settle(receipt: Receipt, createdTime: string): Promise<void> {
    const tookMs = wallClock() - Date.parse(createdTime);
    const settled: MaybePromise<boolean> = this.#limiter.settle(receipt, Math.max(1, Math.ceil(tookMs / 60_000)));
    await Promise.resolve(settled).catch(() => {});
  }
}

const CATEGORY = 'minutes';
const RESERVED = 10;
