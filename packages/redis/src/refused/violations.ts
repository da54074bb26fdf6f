import { type CounterSpec, limiterNameOf, type Outcome } from '@tollgate/core';
import { entryOf } from '@tollgate/core/kit';
import { ownerOf } from '../script/index.js';
import type { Violated } from './denial.js';

/** Counters of an account: one by its name, else those of one limiter, else all. */
export interface CountersOfAccount {
  readonly name: string | undefined;
  readonly limiter: string | undefined;
}

function includes({ name, limiter }: CountersOfAccount, counter: string): boolean {
  if (name !== undefined) return name === counter;
  return limiter === undefined || limiter === limiterNameOf(counter);
}

/** Makes Redis count violations. */
export type SendViolations = (account: string, counters: readonly CounterSpec[], times: number) => Promise<void>;

/**
 * Violations by charges that the deny cache refused. They are sent before the account's next charge, or after
 * {@link LATEST_MS}, so many refusals cost one operation.
 */
export class UnsentViolations {
  readonly #send: SendViolations;
  /** By account, then by the counters without room. */
  readonly #byAccount = new Map<string, Map<readonly CounterSpec[], number>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(send: SendViolations) {
    this.#send = send;
  }

  /** `violated` is the same array for all refusals that are the same. */
  add(violated: readonly Violated[]): void {
    for (const { account, counters } of violated) this.#add(account, counters);
  }

  send(account: string): void {
    const own = this.#byAccount.get(account);
    if (own === undefined) return;
    this.#byAccount.delete(account);
    // A failure loses them: the account is throttled a little later.
    for (const [counters, times] of own) this.#send(account, counters, times).catch(() => {});
  }

  /** Forgets the violations on these counters of the account. */
  forget(account: string, which: CountersOfAccount): void {
    const own = this.#byAccount.get(account);
    if (own === undefined) return;
    this.#byAccount.delete(account);
    const others = [...own]
      .map(([counters, times]) => [counters.filter(({ name }) => !includes(which, name)), times] as const)
      .filter(([counters]) => counters.length > 0);
    if (others.length > 0) this.#byAccount.set(account, new Map(others));
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#byAccount.clear();
  }

  #add(account: string, counters: readonly CounterSpec[]): void {
    const own = entryOf(this.#byAccount, account, () => new Map<readonly CounterSpec[], number>());
    own.set(counters, (own.get(counters) ?? 0) + 1);
    this.#timer ??= setTimeout(this.#sendAll, LATEST_MS).unref();
  }

  readonly #sendAll = (): void => {
    this.#timer = undefined;
    for (const account of [...this.#byAccount.keys()]) this.send(account);
  };
}

const LATEST_MS = 100;

/**
 * Throttlings that began with violations from {@link UnsentViolations}, so without a refusal to report them. The next
 * refusal that the counter throttles reports it.
 */
export class UnreportedThrottlings {
  /** By account, the names of the counters. */
  readonly #byAccount = new Map<string, Set<string>>();

  add(account: string, names: readonly string[]): void {
    if (this.#byAccount.size >= MAX_ACCOUNTS && !this.#byAccount.has(account)) return;
    const own = entryOf(this.#byAccount, account, () => new Set<string>());
    for (const name of names) if (own.size < MAX_PER_ACCOUNT) own.add(name);
  }

  /** Whether this refusal is the first of such a throttling. A throttling that has ended by now is never reported. */
  take(account: string, counters: readonly CounterSpec[], { throttledMs }: Outcome): boolean {
    if (this.#byAccount.size === 0 || throttledMs === undefined) return false;
    let isFirst = false;
    for (const [place, counter] of counters.entries()) {
      const owner = ownerOf(counter, account);
      const own = this.#byAccount.get(owner);
      if (own === undefined || !own.delete(counter.name)) continue;
      if (own.size === 0) this.#byAccount.delete(owner);
      if (throttledMs[place]! > 0) isFirst = true;
    }
    return isFirst;
  }

  forget(account: string, which: CountersOfAccount): void {
    const own = this.#byAccount.get(account);
    if (own === undefined) return;
    for (const name of own) if (includes(which, name)) own.delete(name);
    if (own.size === 0) this.#byAccount.delete(account);
  }
}

const MAX_ACCOUNTS = 10_000;
const MAX_PER_ACCOUNT = 128;
