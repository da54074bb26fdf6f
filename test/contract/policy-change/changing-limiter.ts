import { type AccountSource, type Charge, type Decision, type PolicyOptions, RateLimiter } from '@tollgate/core';
import type { StoreUnderTest } from '../store/player.js';

/** A limiter whose policy and clock a test changes. It charges one account. */
export class ChangingLimiter {
  readonly limiter: RateLimiter;
  readonly #under: StoreUnderTest;
  #elapsedMs = 0;

  private constructor(under: StoreUnderTest, policy: PolicyOptions, accounts: AccountSource | []) {
    this.#under = under;
    // On a busy machine a short timeout would make the limiter decide without the store.
    this.limiter = new RateLimiter({ policy, store: under.store, timeoutMs: 20_000, accounts });
  }

  static async use(
    makeStore: () => StoreUnderTest,
    policy: PolicyOptions,
    use: (changing: ChangingLimiter) => unknown,
    accounts: AccountSource | [] = [],
  ): Promise<void> {
    const under = makeStore();
    const changing = new ChangingLimiter(under, policy, accounts);
    try {
      await use(changing);
    } finally {
      await changing.limiter.close();
      await under.stop();
    }
  }

  async charge(cost = 1, of: Partial<Charge> = {}): Promise<Decision> {
    return this.limiter.consume({ category: 'legs', ...of, account: 'ameyo5m', cost } as Charge);
  }

  /** Moves the clock to that many milliseconds after the start. */
  async moveTo(ms: number): Promise<void> {
    if (ms > this.#elapsedMs) await this.#under.time!.advance(ms - this.#elapsedMs);
    this.#elapsedMs = ms;
  }
}
