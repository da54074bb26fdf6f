import type { CounterSpec, Outcome } from '@tollgate/core';

/**
 * Throttlings that began with violations that were sent, so with no refusal that could have told. The next refusal that the
 * counter throttles does, whatever other refusals of the account come before it.
 */
export class BegunThrottlings {
  /** By account, the names of the counters. */
  readonly #byAccount = new Map<string, Set<string>>();

  add(account: string, names: readonly string[]): void {
    let own = this.#byAccount.get(account);
    if (own === undefined) {
      if (this.#byAccount.size >= MOST_ACCOUNTS) return;
      own = new Set();
      this.#byAccount.set(account, own);
    }
    for (const name of names) if (own.size < MOST_PER_ACCOUNT) own.add(name);
  }

  /** Whether the refusal is the one to tell. A throttling that has ended by now is told by none. */
  tells(account: string, counters: readonly CounterSpec[], { throttledMs }: Outcome): boolean {
    const own = this.#byAccount.get(account);
    if (own === undefined || throttledMs === undefined) return false;
    const lasting = counters.filter(({ name }, place) => own.delete(name) && throttledMs[place]! > 0);
    if (own.size === 0) this.#byAccount.delete(account);
    return lasting.length > 0;
  }

  forget(account: string): void {
    this.#byAccount.delete(account);
  }
}

const MOST_ACCOUNTS = 10_000;
const MOST_PER_ACCOUNT = 16;
