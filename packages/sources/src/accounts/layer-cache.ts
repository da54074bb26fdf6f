import type { AccountLayer } from '@tollgate/core';
import { LRUCache } from 'lru-cache';

/** The last answer for an account. */
export interface CachedLayer {
  /** `undefined`: the account has no limits of its own, or no fetch has succeeded yet. */
  readonly layer: AccountLayer | undefined;
  /** The layer as the function returned it, to compare it with the next answer. */
  readonly json: string | undefined;
  /** −∞: no fetch has succeeded yet. */
  readonly answeredAt: number;
  /** The account is not fetched again before this instant. */
  readonly fetchAgainAt: number;
}

/**
 * The answers for the accounts that were used last. Accounts without limits of their own have a separate cache: clients
 * may invent any number of them, and these must not evict the others.
 */
export class LayerCache {
  readonly #withLayer: LRUCache<string, CachedLayer>;
  readonly #withoutLayer: LRUCache<string, CachedLayer>;

  constructor(max: number) {
    this.#withLayer = new LRUCache({ max });
    this.#withoutLayer = new LRUCache({ max });
  }

  get size(): number {
    return this.#withLayer.size + this.#withoutLayer.size;
  }

  get(account: string): CachedLayer | undefined {
    return this.#withLayer.get(account) ?? this.#withoutLayer.get(account);
  }

  set(account: string, cached: CachedLayer): void {
    this.delete(account);
    (cached.layer === undefined ? this.#withoutLayer : this.#withLayer).set(account, cached);
  }

  delete(account: string): void {
    this.#withLayer.delete(account);
    this.#withoutLayer.delete(account);
  }

  clear(): void {
    this.#withLayer.clear();
    this.#withoutLayer.clear();
  }
}
