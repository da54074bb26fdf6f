import type { CounterSpec, Outcome } from '@tollgate/core';
import type { OpenOutcome } from './operation.js';

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
   * What Redis would answer at that instant of the process's clock, if that is known: it is not where one violation more may
   * begin a throttling.
   */
  find(account: string, counters: readonly CounterSpec[], cost: number, now: number): Denied | undefined {
    const known = this.#byAccount.get(account);
    if (known === undefined) return undefined;
    for (const denial of known.denials) {
      if (denial.counters !== counters || denial.cost !== cost) continue;
      if (now >= denial.endsAt || denial.spares.some(({ left }) => left <= 0)) break;
      for (const spare of denial.spares) spare.left--;
      this.#hits++;
      return { outcome: denialAt(denial, now), violated: denial.violated };
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
    const denial: Denial = {
      counters,
      cost,
      outcome,
      violated,
      spares: violated.map((counter) => spareOf(known, counter.name, spares[counters.indexOf(counter)]!)),
      knownAt: now,
      endsAt,
    };
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

/** A refusal, and the counters on which it is a violation. */
export interface Denied {
  readonly outcome: Outcome;
  readonly violated: readonly CounterSpec[];
}

/** What is known of an account. */
interface Known {
  readonly denials: Denial[];
  /** By the names of the counters, which categories may share. */
  readonly spares: Map<string, Spare>;
}

/** How many violations more surely do not throttle a counter. */
interface Spare {
  left: number;
}

interface Denial extends Denied {
  /** Of the violated counters. */
  readonly spares: readonly Spare[];
  readonly counters: readonly CounterSpec[];
  readonly cost: number;
  readonly knownAt: number;
  readonly endsAt: number;
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

/** The refusal as it stands some time later. The wait is rounded up, so that who keeps to it is not early. */
function denialAt({ outcome, knownAt }: Denial, now: number): Outcome {
  const passedMs = Math.floor(now - knownAt);
  const left = (ms: number) => (ms === 0 ? 0 : Math.max(1, ms - passedMs));
  const known: OpenOutcome = {
    allowed: false,
    now: outcome.now + passedMs,
    used: outcome.used.slice(),
    resetAfterMs: outcome.resetAfterMs.map(left),
    retryAfterMs: Math.max(1, outcome.retryAfterMs - passedMs),
    token: undefined,
  };
  if (outcome.throttledMs !== undefined) known.throttledMs = outcome.throttledMs.map(left);
  return known;
}
