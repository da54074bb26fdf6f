import { entryOf } from '../entry-of.js';
import { optionConflictError, optionRangeError, showName } from '../errors.js';
import {
  type AppliedQuota,
  type Limits,
  prefixedName,
  type Resolution,
  type StoreFailureMode,
} from '../policy/index.js';
import { type CounterSpec, MAX_UNITS, SERVICE_OWNER } from '../store/index.js';
import type { Joined, PreparedCharge } from './prepared-charge.js';

/**
 * Several charges as one, which is admitted as a whole or not at all. A counter that several of them name is charged
 * with the sum of their costs; the one of the service, with the largest, since all of them are one request.
 *
 * @throws RangeError `TOLLGATE_OPTION_RANGE` when costs on one counter are above 2³¹ − 1 together; TypeError
 * `TOLLGATE_OPTION_CONFLICT` when two charges have different limits for one counter.
 */
export function joinCharges(charges: readonly PreparedCharge[]): PreparedCharge {
  const first = charges[0]!;
  const cost = charges.reduce((largest, charge) => Math.max(largest, charge.cost), 0);
  // Enforced quotas come first to their names, so these are the same while the store fails.
  const names = new Set<string>();
  const enforced = new LimitsUnderConstruction(first.owner, cost, names);
  const observed = new LimitsUnderConstruction(first.owner, cost, names);
  const enforcedPlaces = charges.map((charge) => (isEnforced(charge) ? enforced.add(charge, charge.resolution) : []));
  // A counter that is enforced for one charge is so for the cost of all of them. Observed beside, the others would take
  // the room that the charge itself needs.
  const observedPlaces = charges.map((charge) =>
    observedLimitsOf(charge).flatMap((limits) => observed.add(charge, limits, enforced)),
  );
  const isObserved = enforced.counters.length === 0;
  const main = isObserved ? observed : enforced;
  const here = new LimitsUnderConstruction(first.owner, cost, new Set());
  for (const charge of charges) if (isObserved || isEnforced(charge)) here.add(charge, charge.resolution.local);
  const limits = main.limits(isObserved ? 'observe' : 'enforce');
  const resolution: Resolution = {
    ...limits,
    onStoreFailure: strictest(charges, isObserved),
    local: { ...here.limits(limits.mode), counters: here.countersCosting(main) },
    ...(!isObserved && observed.counters.length > 0 && { observed: observed.limits('observe') }),
  };
  const parts = charges.map((charge, index) => ({
    charge,
    places: [...enforcedPlaces[index]!, ...observedPlaces[index]!].map(({ limits, place }) => {
      return limits === main ? place : main.quotas.length + place;
    }),
  }));
  return { ...first, cost, resolution, joined: { parts, shares: main.shares, observedShares: observed.shares } };
}

function isEnforced({ resolution }: PreparedCharge): boolean {
  return resolution.mode === 'enforce';
}

function observedLimitsOf(charge: PreparedCharge): readonly Limits[] {
  const { resolution } = charge;
  if (!isEnforced(charge)) return [resolution];
  return resolution.observed === undefined ? [] : [resolution.observed];
}

/** The places of a counter and of its first quota. */
interface CounterPlace {
  readonly counter: number;
  readonly quota: number;
}

/** The place of a quota. */
interface Place {
  readonly limits: LimitsUnderConstruction;
  readonly place: number;
}

/** The counters of several charges, each counter once, and their quotas under names that differ. */
class LimitsUnderConstruction {
  readonly counters: CounterSpec[] = [];
  readonly quotas: AppliedQuota[] = [];
  readonly shares: number[] = [];
  readonly #owner: string;
  readonly #cost: number;
  readonly #names: Set<string>;
  readonly #counterOfQuota: number[] = [];
  /** By owner, then by name. */
  readonly #places = new Map<string, Map<string, CounterPlace>>();

  /** The owner of the first charge, the largest cost, and the names of quotas that a decision shows together. */
  constructor(owner: string, cost: number, names: Set<string>) {
    this.#owner = owner;
    this.#cost = cost;
    this.#names = names;
  }

  /** Adds the limits of a charge, those on counters of `others` there. Returns the places of its quotas. */
  add(charge: PreparedCharge, { counters, quotas, counterOfQuota }: Limits, others?: LimitsUnderConstruction): Place[] {
    const firstQuotas = counters.map((counter, index): Place => {
      const own = quotas.filter((_, quota) => counterOfQuota[quota] === index);
      const limits = others?.has(charge, counter) ? others : this;
      return { limits, place: limits.#addCounter(charge, counter, own) };
    });
    return quotas.map((_, quota) => {
      const counter = counterOfQuota[quota]!;
      const { limits, place } = firstQuotas[counter]!;
      return { limits, place: place + (quota - counterOfQuota.indexOf(counter)) };
    });
  }

  has(charge: PreparedCharge, { account, name }: CounterSpec): boolean {
    return this.#places.get(account ?? charge.owner)?.has(name) === true;
  }

  /** The counters with the costs of `other`, which has the same counters. */
  countersCosting(other: LimitsUnderConstruction): readonly CounterSpec[] {
    return this.counters.map((counter, index) => {
      const { cost } = other.counters[index]!;
      return cost === undefined || cost === counter.cost ? counter : { ...counter, cost };
    });
  }

  limits(mode: Limits['mode']): Limits {
    const { counters, quotas } = this;
    return { counters, quotas, counterOfQuota: this.#counterOfQuota, subjects: [], mode };
  }

  /** Returns the place of its first quota. */
  #addCounter(charge: PreparedCharge, counter: CounterSpec, quotas: readonly AppliedQuota[]): number {
    const owner = counter.account ?? charge.owner;
    const named = entryOf(this.#places, owner, () => new Map<string, CounterPlace>());
    const known = named.get(counter.name);
    if (known !== undefined) {
      this.#charge(known.counter, owner, charge, counter);
      return known.quota;
    }
    const place = { counter: this.counters.length, quota: this.quotas.length };
    named.set(counter.name, place);
    this.shares.push(1);
    this.counters.push({
      ...counter,
      ...(owner !== this.#owner && { account: owner }),
      ...(charge.cost !== this.#cost && { cost: charge.cost }),
    });
    for (const quota of quotas) {
      this.quotas.push({ ...quota, name: this.#newName(quota.name, charge.category) });
      this.#counterOfQuota.push(place.counter);
    }
    return place.quota;
  }

  /** Charges a counter once more. */
  #charge(place: number, owner: string, charge: PreparedCharge, again: CounterSpec): void {
    const counter = this.counters[place]!;
    if (!isSameLimits(counter, again)) {
      throw optionConflictError(
        `Expected charges with the same limits for the counter ${showName(counter.name)}, got different ones: another plan, region or environment`,
      );
    }
    const before = counter.cost ?? this.#cost;
    if (owner === SERVICE_OWNER) {
      if (charge.cost > before) this.counters[place] = { ...counter, cost: charge.cost };
      return;
    }
    this.shares[place]!++;
    const cost = before + charge.cost;
    if (cost > MAX_UNITS) throw optionRangeError('cost', `at most ${MAX_UNITS} over the charges of one counter`, cost);
    this.counters[place] = { ...counter, cost };
  }

  /** A client may bring the category, so the name has no character of it that a header cannot carry. */
  #newName(name: string, category: string): string {
    const own = this.#names.has(name) ? prefixedName(category, name) : name;
    let shown = own;
    for (let number = 2; this.#names.has(shown); number++) shown = `${own}-${number}`;
    this.#names.add(shown);
    return shown;
  }
}

function isSameLimits(one: CounterSpec, other: CounterSpec): boolean {
  return isSameQuotas(one, other) && isSameThrottle(one, other);
}

/** Of two throttles, only that of the first charge would count. */
function isSameThrottle({ throttle: one }: CounterSpec, { throttle: other }: CounterSpec): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function isSameQuotas(one: CounterSpec, other: CounterSpec): boolean {
  if (one.quotas === other.quotas) return true;
  return (
    one.quotas.length === other.quotas.length &&
    one.quotas.every(({ limit, windowMs }, index) => {
      const quota = other.quotas[index]!;
      return quota.limit === limit && quota.windowMs === windowMs;
    })
  );
}

/** The strictest mode of the charges that can be refused: those without limits never ask the store when alone. */
function strictest(charges: readonly PreparedCharge[], isObserved: boolean): StoreFailureMode {
  const modes = charges
    .filter(({ resolution: { counters, mode } }) => counters.length > 0 && (isObserved || mode === 'enforce'))
    .map(({ resolution }) => resolution.onStoreFailure);
  return modes.find((mode) => mode === 'deny') ?? modes.find((mode) => mode === 'local') ?? 'allow';
}

/** What a correction of a charge takes back, and what it adds. */
export interface CostChange {
  readonly less?: PreparedCharge;
  readonly more?: PreparedCharge;
}

/** What has to change for the charge to cost `actualCost` in all; each of several joined charges costs that. */
export function costChange(charge: PreparedCharge, actualCost: number): CostChange {
  const { cost, joined } = charge;
  if (joined === undefined) {
    if (actualCost < cost) return { less: { ...charge, cost: cost - actualCost } };
    return actualCost > cost ? { more: { ...charge, cost: actualCost - cost } } : {};
  }
  const changes = changesOf(charge, joined, actualCost);
  return {
    ...(changes.some((change) => change < 0) && {
      less: withCosts(
        charge,
        changes.map((change) => Math.max(0, -change)),
      ),
    }),
    ...(changes.some((change) => change > 0) && {
      more: withCosts(
        charge,
        changes.map((change) => Math.max(0, change)),
      ),
    }),
  };
}

/** The charge without what a correction to `actualCost` takes back. */
export function loweredTo(charge: PreparedCharge, actualCost: number): PreparedCharge {
  const { cost, joined } = charge;
  if (joined === undefined) return { ...charge, cost: Math.min(cost, actualCost) };
  const changes = changesOf(charge, joined, actualCost);
  const { counters } = charge.resolution;
  return withCosts(
    charge,
    counters.map((counter, index) => (counter.cost ?? cost) + Math.min(0, changes[index]!)),
  );
}

/** By how much the cost of each counter changes. */
function changesOf({ cost, resolution }: PreparedCharge, { shares }: Joined, actualCost: number): number[] {
  return resolution.counters.map(
    (counter, index) => Math.min(MAX_UNITS, actualCost * shares[index]!) - (counter.cost ?? cost),
  );
}

/** The charge with a cost of its own for each counter. */
function withCosts(charge: PreparedCharge, costs: readonly number[]): PreparedCharge {
  const { resolution } = charge;
  const costing = (counters: readonly CounterSpec[]) =>
    counters.map((counter, index) => ({ ...counter, cost: costs[index]! }));
  return {
    ...charge,
    cost: Math.max(...costs),
    resolution: {
      ...resolution,
      counters: costing(resolution.counters),
      local: { ...resolution.local, counters: costing(resolution.local.counters) },
    },
  };
}
