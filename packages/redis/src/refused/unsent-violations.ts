import type { CounterSpec } from '@tollgate/core';

/** Has Redis count violations. */
export type SendViolations = (account: string, counters: readonly CounterSpec[], times: number) => Promise<void>;

/**
 * Violations of charges that were refused without asking Redis, on their way to it. They go along with the account's next
 * charge, and after a tenth of a second at the latest; so a refusal costs no command of its own, however many there are.
 */
export class UnsentViolations {
  readonly #send: SendViolations;
  /** By account, then by the counters that had no room. */
  readonly #byAccount = new Map<string, Map<readonly CounterSpec[], number>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(send: SendViolations) {
    this.#send = send;
  }

  add(account: string, counters: readonly CounterSpec[]): void {
    let own = this.#byAccount.get(account);
    if (own === undefined) {
      own = new Map();
      this.#byAccount.set(account, own);
    }
    own.set(counters, (own.get(counters) ?? 0) + 1);
    this.#timer ??= setTimeout(this.#sendAll, LATEST_MS).unref();
  }

  /** Sends what there is of the account. */
  send(account: string): void {
    const own = this.#byAccount.get(account);
    if (own === undefined) return;
    this.#byAccount.delete(account);
    // What does not arrive is lost: an account is throttled a little later for it.
    for (const [counters, times] of own) this.#send(account, counters, times).catch(() => {});
  }

  forget(account: string): void {
    this.#byAccount.delete(account);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#byAccount.clear();
  }

  readonly #sendAll = (): void => {
    this.#timer = undefined;
    for (const account of [...this.#byAccount.keys()]) this.send(account);
  };
}

const LATEST_MS = 100;
