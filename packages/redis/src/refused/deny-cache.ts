import type { CounterSpec, Outcome } from '@tollgate/core';
import { entryOf } from '@tollgate/core/kit';
import type { Refusal } from '../script/index.js';
import { Denial, type ViolationsLeft } from './denial.js';

/**
 * Refusals that Redis would repeat. A counter that Redis found full has no room before the wait that it named is over.
 * Until then the same charge is refused here, without asking Redis. A charge of another cost is asked, since a lower
 * one may fit.
 *
 * A refusal ends early where its amounts would change: when a slice leaves, a throttling ends, or this process changes
 * the counter. Another process can change it unseen, so a refusal lasts for a second at most.
 */
export class DenyCache {
  readonly #maxAccounts: number;
  readonly #byAccount = new Map<string, AccountDenials>();
  #hits = 0;
  /** The number of calls of `drop`. A refusal that was asked before one and answered after it may be wrong. */
  drops = 0;

  constructor(maxAccounts: number) {
    this.#maxAccounts = maxAccounts;
  }

  get hits(): number {
    return this.#hits;
  }

  /**
   * The refusal that Redis would repeat at the instant `now`, if one is known, and counts its violations. A refusal
   * that may begin a throttling is not returned.
   */
  find(account: string, counters: readonly CounterSpec[], cost: number, now: number): Denial | undefined {
    const known = this.#byAccount.get(account);
    if (known === undefined) return undefined;
    const { denials } = known;
    for (let index = 0; index < denials.length; index++) {
      const denial = denials[index]!;
      const { charge } = denial;
      if (charge.counters !== counters || charge.cost !== cost) continue;
      if (now >= denial.endsAt || !denial.countViolation()) return undefined;
      this.#hits++;
      return denial;
    }
    return undefined;
  }

  /** Remembers a refusal that was answered at the instant `answeredAt`. */
  add(refusal: Refusal, answeredAt: number): void {
    const { outcome, unchangedMs, violationsLeft } = refusal;
    const { account, counters, cost, askedAt } = refusal.charge;
    // A bound on the number of names bounds memory only if each is short.
    if (this.#maxAccounts === 0 || account.length > MAX_NAME_LENGTH) return;
    // Redis decided after `askedAt`. The refusal ends too early by the time that it took to get there.
    const throttledMs = (outcome.throttledMs ?? []).filter((ms) => ms > 0);
    const endsAt = askedAt + Math.min(outcome.retryAfterMs, unchangedMs, LONGEST_MS, ...throttledMs);
    if (endsAt <= answeredAt) return;
    const known = this.#denialsOf(account);
    // Earlier refusals on the counter were decided by its full limits.
    if (outcome.beganThrottling) known.denials.length = 0;
    // Other throttles on the same counter begin after another number of violations.
    known.denials = known.denials.filter(
      ({ charge }) => !charge.counters.some((one) => isThrottledOtherwise(one, counters)),
    );
    const violated = violatedBy(counters, cost, outcome);
    const left = violated.map((counter) => leftOf(known, counter.name, violationsLeft[counters.indexOf(counter)]!));
    const denial = new Denial(refusal, answeredAt, endsAt, violated, left);
    const { denials } = known;
    const own = denials.findIndex(({ charge }) => charge.counters === counters);
    const index = own >= 0 ? own : denials.findIndex((one) => one.endsAt <= answeredAt);
    if (index >= 0) denials[index] = denial;
    else if (denials.length < MAX_PER_ACCOUNT) denials.push(denial);
  }

  /**
   * This process has added to counters of the account. Their refusals still stand, but last longer and name other
   * amounts.
   */
  grew(account: string, counters: readonly CounterSpec[]): void {
    const known = this.#byAccount.get(account);
    if (known === undefined) return;
    const names = new Set(counters.map(({ name }) => name));
    known.denials = known.denials.filter(({ charge }) => !charge.counters.some(({ name }) => names.has(name)));
  }

  /** Room may have come: forgets all refusals of the account. */
  drop(account: string): void {
    this.drops++;
    this.#byAccount.delete(account);
  }

  clear(): void {
    this.#byAccount.clear();
  }

  #denialsOf(account: string): AccountDenials {
    return entryOf(this.#byAccount, account, () => {
      if (this.#byAccount.size >= this.#maxAccounts) this.#dropOldest();
      return { denials: [], left: new Map() };
    });
  }

  #dropOldest(): void {
    for (const account of this.#byAccount.keys()) {
      this.#byAccount.delete(account);
      return;
    }
  }
}

interface AccountDenials {
  denials: Denial[];
  /** By the names of the counters, which categories may share. */
  readonly left: Map<string, ViolationsLeft>;
}

const MAX_NAME_LENGTH = 256;
const LONGEST_MS = 1000;
const MAX_PER_ACCOUNT = 16;

function leftOf({ left }: AccountDenials, name: string, count: number): ViolationsLeft {
  if (left.size >= MAX_PER_ACCOUNT && !left.has(name)) left.clear();
  const own = entryOf(left, name, () => ({ count }));
  own.count = count;
  return own;
}

function isThrottledOtherwise({ name, throttle }: CounterSpec, counters: readonly CounterSpec[]): boolean {
  if (throttle === undefined) return false;
  return counters.some((one) => one.name === name && one.throttle !== undefined && one.throttle !== throttle);
}

/** The throttled counters without room for the charge. */
function violatedBy(counters: readonly CounterSpec[], cost: number, outcome: Outcome): CounterSpec[] {
  let offset = 0;
  return counters.filter(({ quotas, throttle }, index) => {
    const isThrottled = (outcome.throttledMs?.[index] ?? 0) > 0;
    const used = outcome.used.slice(offset, offset + quotas.length);
    offset += quotas.length;
    if (throttle === undefined) return false;
    return quotas.some(({ limit }, quota) => used[quota]! + cost > (isThrottled ? throttle.limitOf(limit) : limit));
  });
}
