import { wallClock } from '../clock.js';
import type { ScratchOutcome } from '../memory/index.js';
import { type AppliedQuota, type Block, type Limits, NO_LIMITS } from '../policy/index.js';
import type { MaybePromise } from '../promises.js';
import type { Outcome, Throttle } from '../store/index.js';
import { counterScope, isRefusedByThrottle, limitAt } from './limits-reading.js';
import { withObserved } from './observed-limits.js';
import type { Joined, PreparedCharge } from './prepared-charge.js';
import { type Correction, Receipt } from './receipt.js';
import type { Subjects } from './subjects.js';

/**
 * Why a decision came out as it did:
 *
 * - `admitted`: the charge fitted.
 * - `limit-reached`: a quota has no room for it now.
 * - `throttled`: a quota would have room, had it not been shrunk after repeated violations.
 * - `cost-above-limit`: the cost is above a limit, so that no wait helps.
 * - `blocked`: the policy blocks the account, the address or a subject.
 * - `store-unavailable`: the store failed, and the policy allows or denies every request meanwhile.
 * - `suspended`: limiting is suspended.
 */
export type Reason =
  | 'admitted'
  | 'limit-reached'
  | 'throttled'
  | 'cost-above-limit'
  | 'blocked'
  | 'store-unavailable'
  | 'suspended';

/**
 * What decided: the store; the counters in this process's own memory, while the store failed; or neither, because no
 * quota applies, limiting is suspended, or the policy counts nowhere while the store fails.
 */
export type DecisionSource = 'store' | 'local' | 'none';

/** The state of one quota when the decision was made. */
export interface QuotaState extends AppliedQuota {
  /** With the scope `'subject'`: the subject's id. */
  readonly subjectId?: string;
  /** Cost admitted in the window that ends with the decision. It includes the decided charge if that was admitted. */
  readonly used: number;
  /** What could still be admitted at once: `limit - used`, at least 0. */
  readonly remaining: number;
  /** Milliseconds until `remaining` next grows without any call; 0 when nothing is used. */
  readonly resetAfterMs: number;
}

/** A charge that was decided, with its own quotas. */
export interface ChargeState {
  readonly account: string | undefined;
  readonly address: string | undefined;
  readonly category: string;
  readonly subjects: Subjects | undefined;
  readonly cost: number;
  /** In the order that they have where the charge is alone. Charges of one account share some. */
  readonly quotas: readonly QuotaState[];
}

/** Limits are shrunk for a while after repeated violations. */
export interface Throttled {
  /** Milliseconds until the throttling expires. */
  readonly endsAfterMs: number;
  /** The share of each limit that is left, as the policy sets it: 0 blocks. */
  readonly factor: number;
  /** Whose limits are shrunk. */
  readonly scope: AppliedQuota['scope'];
  /** With the scope `'subject'`: its kind. */
  readonly subject?: string;
  /** With the scope `'subject'`: its id. */
  readonly subjectId?: string;
}

/** Whose counter it is. That of the service belongs to no account or address. */
interface CounterParty extends Pick<Throttled, 'scope' | 'subject' | 'subjectId'> {
  readonly account: string | undefined;
  readonly address: string | undefined;
  /** Of the charge that names the counter; of several, the first. */
  readonly category: string;
}

/** A counter as a decision found it; `throttledMs` is 0 where it is not throttled. */
interface CounterState {
  /** The name under which the store keeps it, with that of its counter. */
  readonly owner: string;
  readonly name: string;
  readonly party: CounterParty;
  readonly throttle: Throttle | undefined;
  readonly throttledMs: number;
  readonly now: number;
}

/** How full a quota is; `limit` is above 0. */
export interface Fullest {
  used: number;
  limit: number;
  windowMs: number;
}

/**
 * Writes the fullest quota of a decision's account over `fullest` if it is fuller. Those of subjects and of the service
 * say nothing about the account. Of several charges, `part` is the one to look at. Runs for every decision, so it
 * allocates nothing.
 */
export let noteFullest: (decision: Decision, fullest: Fullest, part?: DecidedCharge) => void;

/** The charges of a decision on several; `undefined` for a decision on one. */
export let chargesOf: (decision: Decision) => readonly DecidedCharge[] | undefined;

/** One of several charges that were decided as one. */
export type DecidedCharge = Joined['parts'][number];

/**
 * The limits of a decision. Its list of quotas is one object for all decisions with the same limits, so texts made of
 * limits are cached by it. The decision may come from another copy of this package than the caller, so a registered
 * symbol is the key.
 */
export function limitsOf(decision: Decision): Limits {
  return (decision as unknown as { readonly [LIMITS]: Limits })[LIMITS];
}

const LIMITS = Symbol.for('@tollgate/core:limits');

/**
 * The outcome of one charge. It belongs to that call alone; later events do not change it.
 *
 * The numbers are those of the instant of the decision. `quotas` and `tightest` are made when they are first read.
 */
export class Decision {
  // `declare` alone: a field that is defined first and set by the constructor is written twice.
  /** Whether the request may pass. */
  declare readonly allowed: boolean;
  /** Whether it passes only because its limits are observed: enforced limits would refuse it. */
  declare readonly wouldRefuse: boolean;
  declare readonly reason: Reason;
  declare readonly source: DecisionSource;
  /** Of several charges, the account, address and category of the first, and the largest cost; see {@link charges}. */
  declare readonly account: string | undefined;
  declare readonly address: string | undefined;
  declare readonly category: string;
  declare readonly cost: number;
  /**
   * 0 when the charge fitted. Otherwise the milliseconds after which the same charge, with no other traffic, is
   * admitted, and not one sooner; `null` when it never fits. With the reason `'store-unavailable'`, until the next
   * attempt on the store. With `'blocked'`, until the block ends, `null` if it has no end.
   */
  declare readonly retryAfterMs: number | null;
  readonly #charge: PreparedCharge;
  readonly #limits: Limits;
  // The outcome's values for the first two quotas, without an array: nearly no charge has more.
  readonly #firstUsed: number;
  readonly #secondUsed: number;
  readonly #firstResetAfterMs: number;
  readonly #secondResetAfterMs: number;
  readonly #all: { readonly used: ArrayLike<number>; readonly resetAfterMs: ArrayLike<number> } | undefined;
  readonly #throttledMs: readonly number[] | undefined;
  readonly #beganThrottling: boolean;
  readonly #now: number;
  readonly #token: unknown;
  /** The receipt, or what it is made of when it is first read. */
  #receipt: Receipt | Correction | undefined;
  #quotas: readonly QuotaState[] | undefined;

  /**
   * A `RateLimiter` makes decisions. `ownLimits` are the charge's, or those of this process alone; limits that are only
   * observed come with the charge. The outcome is copied, since the memory store overwrites it with the next charge.
   */
  constructor(
    charge: PreparedCharge,
    ownLimits: Limits,
    ownOutcome: Outcome | ScratchOutcome,
    source: DecisionSource,
    correction?: Correction,
    reason?: Reason,
  ) {
    const { cost, observed } = charge;
    const seen = reason === undefined ? observed?.outcome : undefined;
    const both = seen && withObserved(ownLimits, ownOutcome, observed!.limits, seen);
    const limits = both?.limits ?? ownLimits;
    const outcome = both?.outcome ?? ownOutcome;
    const { used, resetAfterMs, retryAfterMs } = outcome;
    const count = limits.quotas.length;
    const neverFits = retryAfterMs === Number.POSITIVE_INFINITY;
    const isOwnRefusal = !ownOutcome.allowed;
    const isObservedRefusal = !isOwnRefusal && seen?.allowed === false;
    this.wouldRefuse = isObservedRefusal || (isOwnRefusal && ownLimits.mode === 'observe');
    this.allowed = !isOwnRefusal || this.wouldRefuse;
    this.retryAfterMs = neverFits ? null : retryAfterMs;
    if (reason !== undefined) this.reason = reason;
    else if (!isOwnRefusal && !isObservedRefusal) this.reason = 'admitted';
    else if (neverFits) this.reason = 'cost-above-limit';
    else {
      const isByThrottle = isObservedRefusal
        ? isRefusedByThrottle(observed!.limits, seen!, cost)
        : isRefusedByThrottle(ownLimits, ownOutcome, cost);
      this.reason = isByThrottle ? 'throttled' : 'limit-reached';
    }
    this.source = source;
    this.account = charge.account;
    this.address = charge.address;
    this.category = charge.category;
    this.cost = cost;
    this.#charge = charge;
    this.#limits = limits;
    this.#firstUsed = count > 0 ? used[0]! : 0;
    this.#secondUsed = count > 1 ? used[1]! : 0;
    this.#firstResetAfterMs = count > 0 ? resetAfterMs[0]! : 0;
    this.#secondResetAfterMs = count > 1 ? resetAfterMs[1]! : 0;
    this.#all = count > 2 ? { used: used.slice(0, count), resetAfterMs: resetAfterMs.slice(0, count) } : undefined;
    this.#throttledMs = outcome.throttledMs;
    this.#beganThrottling = outcome.beganThrottling === true;
    this.#now = outcome.now;
    this.#token = outcome.token;
    this.#receipt = correction;
  }

  /** The argument of `refund` and `settle`; `undefined` when nothing was charged. */
  get receipt(): Receipt | undefined {
    const receipt = this.#receipt;
    if (receipt === undefined || receipt instanceof Receipt) return receipt;
    this.#receipt = new Receipt(receipt, this.#charge, this.#admission());
    return this.#receipt;
  }

  /**
   * Corrects the charge to its real cost, as `limiter.settle` does with the receipt. False when nothing was charged, or
   * the charge was corrected before.
   *
   * @throws TypeError `TOLLGATE_OPTION_TYPE` or RangeError `TOLLGATE_OPTION_RANGE` unless `actualCost` is an integer
   * from 0 to 2³¹ − 1.
   */
  settle(actualCost: number): MaybePromise<boolean> {
    return this.receipt?.settle(actualCost) ?? false;
  }

  /** The subjects that the charge named. */
  get subjects(): Subjects | undefined {
    return this.#charge.subjects;
  }

  /** What blocks the charge, with the reason `'blocked'`. */
  get block(): Block | undefined {
    return this.reason === 'blocked' ? (this.#token as Block) : undefined;
  }

  /** The charges that were decided as one, each with its own quotas; of `consume`, one. */
  get charges(): readonly ChargeState[] {
    const parts = this.#charge.joined?.parts;
    if (parts === undefined) return [chargeState(this.#charge, this.quotas)];
    const { quotas } = this;
    return parts.map(({ charge, places }) =>
      // Limits that are only observed are not there while the store fails.
      chargeState(
        charge,
        places.filter((place) => place < quotas.length).map((place) => quotas[place]!),
      ),
    );
  }

  /**
   * Every quota that the charge had to fit: the category's in the order of the policy, then the total's, the service's,
   * and those of subjects. Behind the enforced ones are those that are only observed.
   */
  get quotas(): readonly QuotaState[] {
    this.#quotas ??= this.#limits.quotas.map((_, index) => this.#quotaAt(index));
    return this.#quotas;
  }

  /**
   * The quota with the least room; among equals, the one whose room grows last. `undefined` for an unlimited category.
   */
  get tightest(): QuotaState | undefined {
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
    return tightest < 0 ? undefined : (this.#quotas?.[tightest] ?? this.#quotaAt(tightest));
  }

  /** How full the fullest quota is: `used / limit`, above 1 after a limit was lowered; 0 without a limit. */
  get usedShare(): number {
    const { quotas } = this.#limits;
    let fullest = 0;
    for (let index = 0; index < quotas.length; index++) {
      const limit = limitAt(this.#limits, this.#throttledMs, index);
      fullest = Math.max(fullest, limit === 0 ? 1 : this.#usedAt(index) / limit);
    }
    return fullest;
  }

  /** Set while limits of the charge are throttled; of several throttlings, the one that ends last. */
  get throttled(): Throttled | undefined {
    const throttledMs = this.#throttledMs;
    if (throttledMs === undefined) return undefined;
    const endsAfterMs = Math.max(...throttledMs);
    if (endsAfterMs === 0) return undefined;
    const counter = throttledMs.indexOf(endsAfterMs);
    const { throttle } = this.#limits.counters[counter]!;
    return { endsAfterMs, factor: throttle?.factor ?? 1, ...counterScope(this.#limits, counter) };
  }

  /** Whether a throttling began with this refusal. */
  get beganThrottling(): boolean {
    return this.#beganThrottling;
  }

  /** The fields for `JSON.stringify` and logs. */
  toJSON(): object {
    const { allowed, wouldRefuse, reason, source, account, address, category, cost, retryAfterMs } = this;
    const shown = { allowed, wouldRefuse, reason, source, account, address, category, cost, retryAfterMs };
    const { subjects, block, throttled, quotas, charges } = this;
    return {
      ...shown,
      ...(subjects && { subjects }),
      ...(block && { block }),
      throttled,
      quotas,
      // Otherwise a log would have the first party alone.
      ...(charges.length > 1 && { charges }),
    };
  }

  /** The state of each counter that the charge touched, at the instant `now` of the store. */
  static countersOf(decision: Decision): readonly CounterState[] {
    const limits = decision.#limits;
    const charge = decision.#charge;
    return limits.counters.map(({ account, name, throttle }, index) => ({
      owner: account ?? charge.owner,
      name,
      party: partyOf(charge, limits, index),
      throttle,
      throttledMs: decision.#throttledMs?.[index] ?? 0,
      now: decision.#now,
    }));
  }

  static {
    Object.defineProperty(Decision.prototype, LIMITS, {
      get(this: Decision) {
        return this.#limits;
      },
    });
    chargesOf = (decision) => decision.#charge.joined?.parts;
    noteFullest = (decision, fullest, part) => {
      const limits = decision.#limits;
      const { quotas } = limits;
      for (let index = 0; index < quotas.length; index++) {
        const { scope } = quotas[index]!;
        if (scope === 'subject' || scope === 'service') continue;
        if (part !== undefined && !part.places.includes(index)) continue;
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
    const { name, scope, windowMs, subject } = this.#limits.quotas[index]!;
    const limit = limitAt(this.#limits, this.#throttledMs, index);
    const used = this.#usedAt(index);
    const remaining = Math.max(0, limit - used);
    const state = { name, scope, limit, windowMs, used, remaining, resetAfterMs: this.#resetAfterMsAt(index) };
    if (subject === undefined) return state;
    const { subject: subjectId = '' } = this.#limits.counters[this.#limits.counterOfQuota[index]!]!;
    return { ...state, subject, subjectId };
  }

  #usedAt(index: number): number {
    if (this.#all !== undefined) return this.#all.used[index]!;
    return index === 0 ? this.#firstUsed : this.#secondUsed;
  }

  #resetAfterMsAt(index: number): number {
    if (this.#all !== undefined) return this.#all.resetAfterMs[index]!;
    return index === 0 ? this.#firstResetAfterMs : this.#secondResetAfterMs;
  }

  /** The store's outcome of the admission. */
  #admission(): Outcome {
    // Without those of limits that are only observed.
    const { quotas } = this.#charge.resolution;
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

/** Whose counter it is; of several charges, the first one that has the counter. */
function partyOf(decided: PreparedCharge, limits: Limits, counter: number): CounterParty {
  const scope = counterScope(limits, counter);
  const quota = limits.counterOfQuota.indexOf(counter);
  const part = decided.joined?.parts.find(({ places }) => places.includes(quota));
  const { account, address, category } = part?.charge ?? decided;
  return scope.scope === 'service'
    ? { account: undefined, address: undefined, category, ...scope }
    : { account, address, category, ...scope };
}

function chargeState(
  { account, address, category, subjects, cost }: PreparedCharge,
  quotas: readonly QuotaState[],
): ChargeState {
  return { account, address, category, subjects, cost, quotas };
}

/** The outcome of a blocked charge. */
export function blockedOutcome(block: Block): Outcome {
  const retryAfterMs = block.until === undefined ? Number.POSITIVE_INFINITY : Math.max(1, block.until - wallClock());
  return { ...FREE, allowed: false, retryAfterMs: Math.ceil(retryAfterMs), token: block };
}

export function blockedDecision(charge: PreparedCharge, block: Block): Decision {
  return new Decision(charge, NO_LIMITS, blockedOutcome(block), 'none', undefined, 'blocked');
}

/** The outcome of a charge without quotas. */
export const FREE: Outcome = {
  allowed: true,
  now: 0,
  used: [],
  resetAfterMs: [],
  retryAfterMs: 0,
  token: undefined,
};
