import type { CounterSpec, Outcome } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';

/** A store that remembers why it could not answer: a limiter decides without it then, and keeps the reason to itself. */
export class AskedStore extends RedisStore {
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
