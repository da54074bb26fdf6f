import type { CounterSpec, Outcome } from '@tollgate/core';
import { Denial, type Spare } from './denial.js';

/**
 * Refusals that are sure to be repeated. A counter that Redis found full has no room before the wait it named is over, so
 * until then the same charge is refused here, and Redis is not asked.
 *
 * Only another process could make room sooner, by a refund or a reset; so an entry is believed for a second at most. A charge
 * of another cost is always asked: a lower one may fit.
 */
export class DenyCache {
  readonly #maxAccounts: number;
  readonly #byAccount = new Map<string, Known>();
  #hits = 0;
  /** How often something was dropped: what was asked before a drop and answered after it is not to be believed. */
  drops = 0;

  constructor(maxAccounts: number) {
    this.#maxAccounts = maxAccounts;
  }

  get hits(): number {
    return this.#hits;
  }

  /**
   * The refusal that Redis would repeat at that instant of the process's clock, if one is known: it is not where one violation
   * more may begin a throttling.
   */
  find(account: string, counters: readonly CounterSpec[], cost: number, now: number): Denial | undefined {
    const known = this.#byAccount.get(account);
    if (known === undefined) return undefined;
    const { denials } = known;
    for (let place = 0; place < denials.length; place++) {
      const denial = denials[place]!;
      if (denial.counters !== counters || denial.cost !== cost) continue;
      if (now >= denial.endsAt || !denial.spend()) return undefined;
      this.#hits++;
      return denial;
    }
    return undefined;
  }

  /** Remembers a refusal; it was asked for at `sentAt` and known at `now`, both on the process's clock. */
  add(
    account: string,
    counters: readonly CounterSpec[],
    cost: number,
    outcome: Outcome,
    spares: readonly number[],
    sentAt: number,
    now: number,
  ): void {
    // A name of any length would make a bound on their number no bound at all.
    if (this.#maxAccounts === 0 || account.length > LONGEST_KEPT) return;
    // Redis decided after `sentAt`, so by then its wait had not begun: this errs by the way there, towards asking.
    const lasting = (outcome.throttledMs ?? []).filter((ms) => ms > 0);
    const endsAt = sentAt + Math.min(outcome.retryAfterMs, BELIEVED_MS, ...lasting);
    if (endsAt <= now) return;
    const known = this.#knownOf(account);
    // Refusals on the same counter from before it was throttled tell of limits that are no more.
    if (outcome.beganThrottling) known.denials.length = 0;
    const violated = violatedBy(counters, cost, outcome);
    const violatedSpares = violated.map((counter) => spareOf(known, counter.name, spares[counters.indexOf(counter)]!));
    const denial = new Denial(counters, cost, outcome, violated, violatedSpares, now, endsAt);
    const { denials } = known;
    const own = denials.findIndex((one) => one.counters === counters);
    const place = own >= 0 ? own : denials.findIndex((one) => one.endsAt <= now);
    if (place >= 0) denials[place] = denial;
    else if (denials.length < MAX_PER_ACCOUNT) denials.push(denial);
  }

  /** Room may have come: nothing is known of the account any more. */
  drop(account: string): void {
    this.drops++;
    this.#byAccount.delete(account);
  }

  clear(): void {
    this.#byAccount.clear();
  }

  #knownOf(account: string): Known {
    let known = this.#byAccount.get(account);
    if (known === undefined) {
      if (this.#byAccount.size >= this.#maxAccounts) this.#dropOldest();
      known = { denials: [], spares: new Map() };
      this.#byAccount.set(account, known);
    }
    return known;
  }

  #dropOldest(): void {
    for (const account of this.#byAccount.keys()) {
      this.#byAccount.delete(account);
      return;
    }
  }
}

/** What is known of an account. */
interface Known {
  readonly denials: Denial[];
  /** By the names of the counters, which categories may share. */
  readonly spares: Map<string, Spare>;
}

const LONGEST_KEPT = 256;
const BELIEVED_MS = 1000;
const MAX_PER_ACCOUNT = 16;

function spareOf({ spares }: Known, name: string, left: number): Spare {
  let spare = spares.get(name);
  if (spare === undefined) {
    if (spares.size >= MAX_PER_ACCOUNT) spares.clear();
    spare = { left };
    spares.set(name, spare);
  }
  spare.left = left;
  return spare;
}

/** Those of the counters that have no room for the charge, and a throttle. */
function violatedBy(counters: readonly CounterSpec[], cost: number, outcome: Outcome): CounterSpec[] {
  let answered = 0;
  return counters.filter(({ quotas, throttle }, place) => {
    const isThrottled = (outcome.throttledMs?.[place] ?? 0) > 0;
    const used = outcome.used.slice(answered, answered + quotas.length);
    answered += quotas.length;
    if (throttle === undefined) return false;
    return quotas.some(({ limit }, at) => used[at]! + cost > (isThrottled ? throttle.limitOf(limit) : limit));
  });
}
