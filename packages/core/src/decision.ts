import type { AppliedQuota, Limits } from './policy.js';
import type { Receipt } from './receipt.js';
import type { Outcome } from './store.js';

/**
 * Why a decision came out as it did: the charge fitted; a quota has no room for it now; its cost is above a limit, so
 * that no wait will make it fit; or the store failed, and the policy lets everyone pass then, or no one.
 */
export type Reason = 'admitted' | 'limit-reached' | 'cost-above-limit' | 'store-unavailable';

/**
 * Who decided: the store; the counters in this process's own memory, while the store failed; or neither, because no quota
 * applies or the policy asks no one while the store fails.
 */
export type DecisionSource = 'store' | 'local' | 'none';

/** How one quota stood when the decision was made. */
export interface QuotaState extends AppliedQuota {
  /** Cost admitted in the window that ends with the decision, the decided charge included if it was admitted. */
  readonly used: number;
  /** What could still be admitted at once: `limit - used`, at least 0. */
  readonly remaining: number;
  /** Milliseconds until `remaining` next grows by itself; 0 when nothing is used. */
  readonly resetAfterMs: number;
}

/** Of whom a charge is: of an account, or of a client that is known by its address alone. */
export type Identity =
  | { readonly account: string; readonly address?: undefined }
  | { readonly account?: undefined; readonly address: string };

/**
 * The outcome of one charge. It belongs to that call alone: nothing that happens later changes it.
 *
 * The numbers are those of the instant of the decision; `quotas` and `tightest` are put together when they are first read.
 */
export class Decision {
  readonly allowed: boolean;
  readonly reason: Reason;
  readonly source: DecisionSource;
  readonly account: string | undefined;
  readonly address: string | undefined;
  readonly category: string;
  readonly cost: number;
  /**
   * 0 when allowed. Otherwise the milliseconds after which the same charge would be admitted if nothing else were, and
   * not one sooner; `null` when it never would be. With the reason `'store-unavailable'`, until the store is next tried.
   */
  readonly retryAfterMs: number | null;
  /** What `refund` takes to undo the charge; `undefined` when nothing was charged. */
  readonly receipt: Receipt | undefined;
  readonly #limits: Limits;
  readonly #outcome: Outcome;
  #quotas: readonly QuotaState[] | undefined;

  /** Decisions are made by a `RateLimiter`. */
  constructor(
    identity: Identity,
    category: string,
    cost: number,
    limits: Limits,
    outcome: Outcome,
    receipt: Receipt | undefined,
    source: DecisionSource,
    reason: Reason = reasonOf(outcome),
  ) {
    this.allowed = outcome.allowed;
    this.retryAfterMs = outcome.retryAfterMs === Number.POSITIVE_INFINITY ? null : outcome.retryAfterMs;
    this.reason = reason;
    this.source = source;
    this.account = identity.account;
    this.address = identity.address;
    this.category = category;
    this.cost = cost;
    this.receipt = receipt;
    this.#limits = limits;
    this.#outcome = outcome;
  }

  /** Every quota that the charge had to fit: the category's in the order of the policy, then the total's. */
  get quotas(): readonly QuotaState[] {
    this.#quotas ??= this.#limits.quotas.map((_, index) => this.#quotaAt(index));
    return this.#quotas;
  }

  /**
   * The quota with the least room; of several, the one whose room grows last. `undefined` when the category is unlimited.
   */
  get tightest(): QuotaState | undefined {
    const index = this.#tightestIndex();
    if (index < 0) return undefined;
    return this.#quotas?.[index] ?? this.#quotaAt(index);
  }

  /** All that `JSON.stringify` and a log should show. */
  toJSON(): object {
    const { allowed, reason, source, account, address, category, cost, retryAfterMs, quotas } = this;
    return {
      allowed,
      reason,
      source,
      account,
      address,
      category,
      cost,
      retryAfterMs,
      quotas,
    };
  }

  #quotaAt(index: number): QuotaState {
    const { name, scope, limit, windowMs } = this.#limits.quotas[index]!;
    const used = this.#outcome.used[index]!;
    const remaining = Math.max(0, limit - used);
    return {
      name,
      scope,
      limit,
      windowMs,
      used,
      remaining,
      resetAfterMs: this.#outcome.resetAfterMs[index]!,
    };
  }

  #tightestIndex(): number {
    const { quotas } = this.#limits;
    const { used, resetAfterMs } = this.#outcome;
    let tightest = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let index = 0; index < quotas.length; index++) {
      const remaining = Math.max(0, quotas[index]!.limit - used[index]!);
      if (remaining < least || (remaining === least && resetAfterMs[index]! > resetAfterMs[tightest]!)) {
        tightest = index;
        least = remaining;
      }
    }
    return tightest;
  }
}

function reasonOf({ allowed, retryAfterMs }: Outcome): Reason {
  if (allowed) return 'admitted';
  return retryAfterMs === Number.POSITIVE_INFINITY ? 'cost-above-limit' : 'limit-reached';
}
