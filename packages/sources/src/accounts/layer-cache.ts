import type { AccountLayer } from '@tollgate/core';
import { LRUCache } from 'lru-cache';

/** What is known of an account. */
export interface Answer {
  /** `undefined`: there is nothing of its own, or no question has been answered yet. */
  readonly layer: AccountLayer | undefined;
  /** The layer as it came, to tell whether another is the same. */
  readonly json: string | undefined;
  /** When it was given; −∞ where no question has been answered yet. */
  readonly at: number;
  /** Until when the account is not asked about again. */
  readonly holdsUntil: number;
}

/**
 * The answers of the accounts that were last seen. Accounts that have nothing of their own are kept apart: clients may invent
 * as many of those as they like, and must not push out the others.
 */
export class Answers {
  readonly #layers: LRUCache<string, Answer>;
  readonly #nothings: LRUCache<string, Answer>;

  constructor(max: number) {
    this.#layers = new LRUCache({ max });
    this.#nothings = new LRUCache({ max });
  }

  get size(): number {
    return this.#layers.size + this.#nothings.size;
  }

  get(account: string): Answer | undefined {
    return this.#layers.get(account) ?? this.#nothings.get(account);
  }

  set(account: string, answer: Answer): void {
    const [to, from] = answer.layer === undefined ? [this.#nothings, this.#layers] : [this.#layers, this.#nothings];
    from.delete(account);
    to.set(account, answer);
  }

  delete(account: string): void {
    this.#layers.delete(account);
    this.#nothings.delete(account);
  }

  clear(): void {
    this.#layers.clear();
    this.#nothings.clear();
  }
}
