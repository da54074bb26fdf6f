import type { PassingOutcome } from '../memory/index.js';
import type { AppliedQuota, Limits, Resolution } from '../policy/index.js';
import type { Outcome } from '../store/index.js';
import { type Identity, storedAccount } from './charge.js';
import { Receipt, type Undo } from './receipt.js';

/**
 * Why a decision came out as it did: the charge fitted; a quota has no room for it now; a quota would have room, had it not
 * been shrunk after repeated violations; its cost is above a limit, so that no wait will make it fit; the store failed, and
 * the policy lets everyone pass then, or no one; or limiting is suspended.
 */
export type Reason =
  | 'admitted'
  | 'limit-reached'
  | 'throttled'
  | 'cost-above-limit'
  | 'store-unavailable'
  | 'suspended';

/**
 * Who decided: the store; the counters in this process's own memory, while the store failed; or neither, because no quota
 * applies, limiting is suspended, or the policy asks no one while the store fails.
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

/** That limits are shrunk for a while, after repeated violations. */
export interface Throttled {
  /** Milliseconds until it ends by itself. */
  readonly endsAfterMs: number;
  /** What is left of each limit, as the policy says it: 0 blocks. */
  readonly factor: number;
  /** Whose limits: the category's, or those of the account over all categories. */
  readonly scope: AppliedQuota['scope'];
}

/** A counter as a decision has met it; `throttledMs` is 0 where it is not throttled. */
interface CounterStanding {
  readonly name: string;
  readonly scope: AppliedQuota['scope'];
  readonly factor: number;
  readonly throttledMs: number;
  readonly now: number;
}

/** How full a quota is; `limit` is above 0. */
export interface Fullest {
  used: number;
  limit: number;
  windowMs: number;
}

/** Writes the fullest quota of a decision over `fullest` if it is fuller: without an object for it, as this is for every one. */
export let noteFullest: (decision: Decision, fullest: Fullest) => void;

/**
 * The outcome of one charge. It belongs to that call alone: nothing that happens later changes it.
 *
 * The numbers are those of the instant of the decision; `quotas` and `tightest` are put together when they are first read.
 */
export class Decision {
  // Only declared, as a field that is defined first and set by the constructor is written twice.
  /** Whether the request is to be let through. */
  declare readonly allowed: boolean;
  /** Whether it is let through only because its limits are observed: enforced, they would have refused it. */
  declare readonly wouldRefuse: boolean;
  declare readonly reason: Reason;
  declare readonly source: DecisionSource;
  declare readonly account: string | undefined;
  declare readonly address: string | undefined;
  declare readonly category: string;
  declare readonly cost: number;
  /**
   * 0 when the charge fitted. Otherwise the milliseconds after which the same charge would be admitted if nothing else were,
   * and not one sooner; `null` when it never would be. With the reason `'store-unavailable'`, until the store is next tried.
   */
  declare readonly retryAfterMs: number | null;
  readonly #limits: Limits;
  // What the outcome said of the first two quotas, without an object of their own; nearly no charge has more.
  readonly #firstUsed: number;
  readonly #secondUsed: number;
  readonly #firstResetAfterMs: number;
  readonly #secondResetAfterMs: number;
  readonly #more: { readonly used: ArrayLike<number>; readonly resetAfterMs: ArrayLike<number> } | undefined;
  readonly #throttledMs: readonly number[] | undefined;
  readonly #beganThrottling: boolean;
  readonly #now: number;
  readonly #token: unknown;
  /** The receipt, or what it is made of when it is first asked for. */
  #receipt: Receipt | Undo<Outcome> | undefined;
  #quotas: readonly QuotaState[] | undefined;

  /** Decisions are made by a `RateLimiter`. Nothing of the outcome is kept but what it says now. */
  constructor(
    identity: Identity,
    category: string,
    cost: number,
    limits: Limits,
    outcome: Outcome | PassingOutcome,
    receipt: Receipt | Undo<Outcome> | undefined,
    source: DecisionSource,
    reason?: Reason,
  ) {
    const { allowed, used, resetAfterMs, retryAfterMs } = outcome;
    const count = limits.quotas.length;
    this.wouldRefuse = !allowed && limits.mode === 'observe';
    this.allowed = allowed || this.wouldRefuse;
    this.retryAfterMs = retryAfterMs === Number.POSITIVE_INFINITY ? null : retryAfterMs;
    this.reason = reason ?? (allowed ? 'admitted' : refusalReason(limits, outcome, cost));
    this.source = source;
    this.account = identity.account;
    this.address = identity.address;
    this.category = category;
    this.cost = cost;
    this.#limits = limits;
    this.#firstUsed = count > 0 ? used[0]! : 0;
    this.#secondUsed = count > 1 ? used[1]! : 0;
    this.#firstResetAfterMs = count > 0 ? resetAfterMs[0]! : 0;
    this.#secondResetAfterMs = count > 1 ? resetAfterMs[1]! : 0;
    this.#more = count > 2 ? { used: used.slice(0, count), resetAfterMs: resetAfterMs.slice(0, count) } : undefined;
    this.#throttledMs = outcome.throttledMs;
    this.#beganThrottling = outcome.beganThrottling === true;
    this.#now = outcome.now;
    this.#token = outcome.token;
    this.#receipt = receipt;
  }

  /** What `refund` takes to undo the charge; `undefined` when nothing was charged. */
  get receipt(): Receipt | undefined {
    const receipt = this.#receipt;
    if (receipt === undefined || receipt instanceof Receipt) return receipt;
    // Only what a store has admitted can be undone, and those are charges of an identity on a whole resolution.
    const account = storedAccount(this as Identity);
    this.#receipt = new Receipt(receipt as Undo, account, this.#limits as Resolution, this.cost, this.#outcome());
    return this.#receipt;
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

  /** How full the fullest quota is: `used / limit`, above 1 after a limit was lowered; 0 where nothing is limited. */
  get usedShare(): number {
    const { quotas } = this.#limits;
    let fullest = 0;
    for (let index = 0; index < quotas.length; index++) {
      const limit = limitAt(this.#limits, this.#throttledMs, index);
      const used = this.#usedAt(index);
      fullest = Math.max(fullest, limit === 0 ? 1 : used / limit);
    }
    return fullest;
  }

  /** Whether limits of the charge are throttled; of several, the throttling that ends last. */
  get throttled(): Throttled | undefined {
    const throttledMs = this.#throttledMs;
    if (throttledMs === undefined) return undefined;
    const endsAfterMs = Math.max(...throttledMs);
    if (endsAfterMs === 0) return undefined;
    const place = throttledMs.indexOf(endsAfterMs);
    const { throttle } = this.#limits.counters[place]!;
    return { endsAfterMs, factor: throttle?.factor ?? 1, scope: scopeOf(this.#limits, place) };
  }

  /** For what is made of limits once: the same object for every request to which the same ones apply. */
  static limitsOf(decision: Decision): Limits {
    return decision.#limits;
  }

  /** For what follows counters: how each that the charge touched stood, at the instant `now` of the store. */
  static countersOf(decision: Decision): readonly CounterStanding[] {
    const limits = decision.#limits;
    const throttledMs = decision.#throttledMs;
    const now = decision.#now;
    return limits.counters.map(({ name, throttle }, place) => ({
      name,
      scope: scopeOf(limits, place),
      factor: throttle?.factor ?? 1,
      throttledMs: throttledMs?.[place] ?? 0,
      now,
    }));
  }

  /** Whether it was this refusal with which a throttling began. */
  get beganThrottling(): boolean {
    return this.#beganThrottling;
  }

  /** All that `JSON.stringify` and a log should show. */
  toJSON(): object {
    const { allowed, wouldRefuse, reason, source, account, address, category, cost, retryAfterMs } = this;
    const { throttled, quotas } = this;
    return {
      allowed,
      wouldRefuse,
      reason,
      source,
      account,
      address,
      category,
      cost,
      retryAfterMs,
      throttled,
      quotas,
    };
  }

  static {
    noteFullest = (decision, fullest) => {
      const limits = decision.#limits;
      const { quotas } = limits;
      for (let index = 0; index < quotas.length; index++) {
        const used = decision.#usedAt(index);
        const limit = limitAt(limits, decision.#throttledMs, index);
        if (used * fullest.limit <= fullest.used * limit || limit === 0) continue;
        fullest.used = used;
        fullest.limit = limit;
        fullest.windowMs = quotas[index]!.windowMs;
      }
    };
  }

  #quotaAt(index: number): QuotaState {
    const { name, scope, windowMs } = this.#limits.quotas[index]!;
    const limit = limitAt(this.#limits, this.#throttledMs, index);
    const used = this.#usedAt(index);
    const remaining = Math.max(0, limit - used);
    return { name, scope, limit, windowMs, used, remaining, resetAfterMs: this.#resetAfterMsAt(index) };
  }

  #tightestIndex(): number {
    const { quotas } = this.#limits;
    let tightest = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let index = 0; index < quotas.length; index++) {
      const remaining = Math.max(0, limitAt(this.#limits, this.#throttledMs, index) - this.#usedAt(index));
      const isLater = remaining === least && this.#resetAfterMsAt(index) > this.#resetAfterMsAt(tightest);
      if (remaining < least || isLater) {
        tightest = index;
        least = remaining;
      }
    }
    return tightest;
  }

  #usedAt(index: number): number {
    if (this.#more !== undefined) return this.#more.used[index]!;
    return index === 0 ? this.#firstUsed : this.#secondUsed;
  }

  #resetAfterMsAt(index: number): number {
    if (this.#more !== undefined) return this.#more.resetAfterMs[index]!;
    return index === 0 ? this.#firstResetAfterMs : this.#secondResetAfterMs;
  }

  /** What the store has said of the admission. */
  #outcome(): Outcome {
    const { quotas } = this.#limits;
    return {
      allowed: true,
      now: this.#now,
      used: quotas.map((_, index) => this.#usedAt(index)),
      resetAfterMs: quotas.map((_, index) => this.#resetAfterMsAt(index)),
      retryAfterMs: 0,
      token: this.#token,
    };
  }
}

/** The limit that held for the decision: shrunk while its counter is throttled. */
function limitAt({ quotas, counters }: Limits, throttledMs: readonly number[] | undefined, index: number): number {
  const { limit, scope } = quotas[index]!;
  if (throttledMs === undefined) return limit;
  const place = scope === 'total' ? counters.length - 1 : 0;
  return throttledMs[place]! > 0 ? (counters[place]!.throttle?.limitOf(limit) ?? limit) : limit;
}

/** A total's counter stands last. */
function scopeOf({ quotas, counters }: Limits, place: number): AppliedQuota['scope'] {
  return (place === counters.length - 1 ? quotas.at(-1) : quotas[0])!.scope;
}

function refusalReason({ quotas }: Limits, outcome: Outcome | PassingOutcome, cost: number): Reason {
  const { retryAfterMs, throttledMs, used } = outcome;
  if (retryAfterMs === Number.POSITIVE_INFINITY) return 'cost-above-limit';
  return isShrunkOnly(quotas, throttledMs, used, cost) ? 'throttled' : 'limit-reached';
}

/** Whether the charge would have fitted, had no limit been shrunk. */
function isShrunkOnly(
  quotas: Limits['quotas'],
  throttledMs: Outcome['throttledMs'],
  used: ArrayLike<number>,
  cost: number,
): boolean {
  if (throttledMs === undefined || !(throttledMs[0]! > 0 || throttledMs[1]! > 0)) return false;
  for (let index = 0; index < quotas.length; index++) {
    if (used[index]! + cost > quotas[index]!.limit) return false;
  }
  return true;
}
