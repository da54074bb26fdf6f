import type { CounterSpec, Outcome } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';

/** Has for the commands what a limiter does not report: why `peek` failed, and when a reset or pardon is done. */
export class OperatorStore extends RedisStore {
  /** Why `peek` failed. A limiter then decides without the store, and does not report the reason. */
  lastError: unknown;
  readonly #changes: Promise<void>[] = [];

  override async peek(account: string, counters: readonly CounterSpec[], cost: number): Promise<Outcome> {
    try {
      return await super.peek(account, counters, cost);
    } catch (error) {
      this.lastError = error;
      throw error;
    }
  }

  override async reset(account: string, name?: string, limiter?: string): Promise<void> {
    this.#begin(super.reset(account, name, limiter));
  }

  override async pardon(account: string, name?: string, limiter?: string): Promise<void> {
    this.#begin(super.pardon(account, name, limiter));
  }

  /**
   * Waits for all resets and pardons. An account may have a million subjects, and a limiter would give up after its
   * deadline, with most of them left. Here only each answer of Redis has one.
   */
  async changed(): Promise<void> {
    await Promise.all(this.#changes);
  }

  #begin(change: Promise<void>): void {
    change.catch(() => {});
    this.#changes.push(change);
  }
}
