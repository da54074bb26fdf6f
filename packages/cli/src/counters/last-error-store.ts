import type { CounterSpec, Outcome } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';

/** Records why `peek` failed. A limiter then decides without the store, and does not report the reason. */
export class LastErrorStore extends RedisStore {
  lastError: unknown;

  override async peek(account: string, counters: readonly CounterSpec[], cost: number): Promise<Outcome> {
    try {
      return await super.peek(account, counters, cost);
    } catch (error) {
      this.lastError = error;
      throw error;
    }
  }
}
