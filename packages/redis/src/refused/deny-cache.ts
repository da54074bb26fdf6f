import type { CounterSpec, Outcome } from '@tollgate/core';
import { entryOf } from '@tollgate/core/kit';
import { areSame, onlyOf, ownerOf, ownersOf, type Refusal } from '../script/index.js';
import { type Changes, Denial, type Violated, type ViolationsLeft } from './denial.js';

/**
 * Refusals that Redis would repeat. A counter that Redis found full has no room before the wait that it named is over.
 * Until then the same charge is refused here, without asking Redis. A charge of another cost is asked, since a lower
 * one may fit.
 *
 * A refusal ends early where its amounts would change: when a slice leaves, a throttling ends, or this process changes
 * a counter of any of its accounts. Another process can change it unseen, so a refusal lasts for a second at most.
 */
export class DenyCache {
  readonly #maxAccounts: number;
  readonly #byAccount = new Map<string, AccountDenials>();
  /** Of accounts that refusals of other accounts name. */
  readonly #changes = new Map<string, Changes>();
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
      if (charge.cost !== cost || !(charge.counters === counters || areSame(charge.counters, counters))) continue;
      if (now >= denial.endsAt || denial.isOutdated || !denial.countViolation()) return undefined;
      this.#hits++;
      return denial;
    }
    return undefined;
  }

  /** Remembers a refusal that was answered at the instant `answeredAt`. */
  add(refusal: Refusal, answeredAt: number): void {
    const { outcome, unchangedMs } = refusal;
    const { account, counters, askedAt } = refusal.charge;
    if (this.#maxAccounts === 0 || !areShort(account, counters)) return;
    // Redis decided after `askedAt`. The refusal ends too early by the time that it took to get there.
    const throttledMs = (outcome.throttledMs ?? []).filter((ms) => ms > 0);
    const endsAt = askedAt + Math.min(outcome.retryAfterMs, unchangedMs, LONGEST_MS, ...throttledMs);
    if (endsAt <= answeredAt) return;
    const owners = ownersOf(account, counters);
    // Earlier refusals on the counter were decided by its full limits.
    if (outcome.beganThrottling) for (const owner of owners) this.#end(owner);
    const [violated, left] = this.#violatedBy(refusal);
    const changes = [...owners].filter((owner) => owner !== account).map((owner) => this.#changesOf(owner));
    const denial = new Denial(refusal, answeredAt, endsAt, violated, left, changes);
    const { denials } = this.#denialsOf(account);
    const own = denials.findIndex(({ charge }) => areSame(charge.counters, counters));
    const index = own >= 0 ? own : denials.findIndex((one) => one.endsAt <= answeredAt || one.isOutdated);
    if (index >= 0) denials[index] = denial;
    else if (denials.length < MAX_PER_ACCOUNT) denials.push(denial);
  }

  /**
   * This process has added to counters of a charge of the account. Their refusals still stand, but last longer and name
   * other amounts.
   */
  grew(account: string, counters: readonly CounterSpec[]): void {
    const known = this.#byAccount.get(account);
    if (known !== undefined) {
      const isOf = (one: CounterSpec) =>
        counters.some((other) => one.name === other.name && ownerOf(one, account) === ownerOf(other, account));
      known.denials = known.denials.filter(({ charge }) => !charge.counters.some(isOf));
    }
    if (this.#changes.size === 0) return;
    this.#change(account);
    for (const counter of counters) {
      if (counter.account === undefined || counter.account === account) continue;
      this.#byAccount.get(counter.account)?.denials.splice(0);
      this.#change(counter.account);
    }
  }

  /** Room may have come: forgets all refusals of the accounts. */
  drop(...accounts: readonly string[]): void {
    this.drops++;
    for (const account of accounts) {
      this.#byAccount.delete(account);
      this.#change(account);
    }
  }

  clear(): void {
    this.#byAccount.clear();
    this.#changes.clear();
  }

  #end(account: string): void {
    this.#byAccount.get(account)?.denials.splice(0);
    this.#change(account);
  }

  /** Ends the refusals of other accounts that name this one. */
  #change(account: string): void {
    const changes = this.#changes.get(account);
    if (changes !== undefined) changes.count++;
  }

  #changesOf(account: string): Changes {
    return entryOf(this.#changes, account, () => {
      const [oldest] = this.#changes.size >= this.#maxAccounts + MOST_ACCOUNTS ? this.#changes.keys() : [];
      if (oldest !== undefined) {
        this.#change(oldest);
        this.#changes.delete(oldest);
      }
      return { count: 0 };
    });
  }

  #denialsOf(account: string): AccountDenials {
    return entryOf(this.#byAccount, account, () => {
      const [oldest] = this.#byAccount.size >= this.#maxAccounts ? this.#byAccount.keys() : [];
      if (oldest !== undefined) {
        this.#byAccount.delete(oldest);
        this.#change(oldest);
      }
      return { denials: [], left: new Map() };
    });
  }

  /** The throttled counters without room for the charge, and how many more violations each of them can take. */
  #violatedBy({ charge, outcome, violationsLeft }: Refusal): [Violated[], ViolationsLeft[]] {
    const { account, counters, cost } = charge;
    const byOwner = new Map<string, CounterSpec[]>();
    const left: ViolationsLeft[] = [];
    let quota = 0;
    for (const [place, counter] of counters.entries()) {
      const used = outcome.used.slice(quota, quota + counter.quotas.length);
      quota += counter.quotas.length;
      if (!isViolated(counter, counter.cost ?? cost, used, outcome.throttledMs?.[place] ?? 0)) continue;
      const owner = ownerOf(counter, account);
      entryOf(byOwner, owner, (): CounterSpec[] => []).push(counter);
      left.push(this.#leftOf(owner, counter, violationsLeft[place]!));
    }
    const violated = [...byOwner].map(([account, counters]) => ({
      account,
      counters: counters.length === 1 ? onlyOf(counters[0]!) : counters,
    }));
    return [violated, left];
  }

  /** Charges of several categories, subjects and accounts may share a counter, and so what is left of it. */
  #leftOf(owner: string, { name, throttle }: CounterSpec, count: number): ViolationsLeft {
    const { left } = this.#denialsOf(owner);
    const known = left.get(name);
    // Another throttle on the same counter begins after another number of violations.
    const isOther = known === undefined ? left.size >= MAX_LEFT : known.throttle !== throttle;
    if (isOther) {
      this.#end(owner);
      left.clear();
    }
    const own = entryOf(left, name, () => ({ throttle, count }));
    own.count = count;
    return own;
  }
}

interface AccountDenials {
  denials: Denial[];
  /** By the names of the account's counters. */
  readonly left: Map<string, ViolationsLeft>;
}

const LONGEST_MS = 1000;
const MAX_PER_ACCOUNT = 16;
/** Of one charge. */
const MOST_ACCOUNTS = 128;
const MAX_LEFT = 64;
const MAX_NAME_LENGTH = 256;

/** A bound on the number of names bounds memory only if each is short. */
function areShort(account: string, counters: readonly CounterSpec[]): boolean {
  if (account.length > MAX_NAME_LENGTH) return false;
  return counters.every(
    ({ name, subject, account = '' }) =>
      account.length <= MAX_NAME_LENGTH && (subject === undefined || name.length <= 2 * MAX_NAME_LENGTH),
  );
}

/** Whether a charge of `cost` has no room in a counter with a throttle. */
function isViolated(
  { quotas, throttle }: CounterSpec,
  cost: number,
  used: Outcome['used'],
  throttledMs: number,
): boolean {
  if (throttle === undefined || cost === 0) return false;
  return quotas.some(({ limit }, quota) => used[quota]! + cost > (throttledMs > 0 ? throttle.limitOf(limit) : limit));
}
