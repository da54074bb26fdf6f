import type { CounterSpec, Outcome } from '@tollgate/core';
import { costOn, effectiveLimit, ThrottleOracle } from './throttle-oracle.js';

/** One admitted charge on one counter. */
export interface Admission {
  readonly at: number;
  readonly cost: number;
  readonly counter: Counter;
  refunded: boolean;
  /**
   * A counter may ignore the refund of an admission in two cases: a later charge was the first to name a longer window,
   * or the admission has left a window in which its slice still counts.
   */
  refundMayBeIgnored: boolean;
}

/** A store's outcome, with `used` and the limits as they are before the decision. */
export interface Answer {
  readonly allowed: boolean;
  readonly used: readonly number[];
  /** The limit in force of each quota before the decision. */
  readonly limits: readonly number[];
  readonly resetAfterMs: readonly number[];
  readonly retryAfterMs: number;
  readonly throttledMs: readonly number[];
  readonly beganThrottling: boolean;
}

interface Counter {
  readonly admissions: Admission[];
  /** By window of the counter: the instant after which it contains every admission. */
  readonly completeSince: Map<number, number>;
  /** The shortest window that a charge has named. */
  shortestMs: number;
}

/**
 * Computes what a store must answer, by brute force from a list of all admissions. It is exact while `limit <= slices`
 * and all charges of a counter name the same windows. Otherwise {@link Oracle.ask} returns the least cost that must
 * count, and {@link Oracle.most} the most that may. It takes admissions and violations from the store's answers.
 */
export class Oracle {
  readonly #accounts = new Map<string, Map<string, Counter>>();

  readonly throttling = new ThrottleOracle();

  ask(
    kind: 'consume' | 'peek',
    account: string,
    counters: readonly CounterSpec[],
    cost: number,
    outcome: Outcome,
  ): Answer {
    const { now } = outcome;
    const quotas = counters.flatMap((counter, place) =>
      counter.quotas.map(({ limit, windowMs }) => {
        const counted = this.#counted(counter.account ?? account, counter.name, windowMs, now);
        return { place, limit, windowMs, throttle: counter.throttle, counted, cost: costOn(counter, cost) };
      }),
    );
    let ends = this.throttling.endsAt(account, counters, now);
    const limitAt = ({ limit, throttle, place }: (typeof quotas)[number], at: number) =>
      effectiveLimit(limit, throttle, ends[place]!, at);
    const fitsAt = (at: number) =>
      quotas.every(
        (quota) => quota.cost === 0 || usedAt(quota.counted, quota.windowMs, at) + quota.cost <= limitAt(quota, at),
      );
    const allowed = fitsAt(now);
    const limits = quotas.map((quota) => limitAt(quota, now));

    const refused = kind === 'consume' && !outcome.allowed;
    const beganThrottling = refused && this.throttling.refuse(account, counters, cost, outcome);
    ends = this.throttling.endsAt(account, counters, now);
    const leaving = quotas.flatMap(({ windowMs, counted }) => counted.map(({ at }) => at + windowMs));
    const fitting = ascending([...ends, ...leaving]).find((at) => at > now && fitsAt(at));
    return {
      allowed,
      used: quotas.map(({ counted }) => sum(counted)),
      limits,
      resetAfterMs: quotas.map((quota) => {
        const { windowMs, place } = quota;
        const counted: Charged[] = [...quota.counted];
        if (kind === 'consume' && allowed && quota.cost > 0) counted.push({ at: now, cost: quota.cost });
        const roomAt = (at: number) => Math.max(0, limitAt(quota, at) - usedAt(counted, windowMs, at));
        const instants = ascending([ends[place]!, ...counted.map(({ at }) => at + windowMs)]);
        const growsAt = instants.find((at) => at > now && roomAt(at) > roomAt(now));
        return growsAt === undefined ? 0 : growsAt - now;
      }),
      retryAfterMs: allowed ? 0 : (fitting ?? Number.POSITIVE_INFINITY) - now,
      throttledMs: ends.map((end) => Math.max(0, end - now)),
      beganThrottling,
    };
  }

  admit(account: string, counters: readonly CounterSpec[], cost: number, now: number): Admission[] {
    return counters.flatMap((spec) => {
      const { name, quotas } = spec;
      const own = costOn(spec, cost);
      if (own === 0) return [];
      const owner = spec.account ?? account;
      const counter = this.#make(owner, name);
      const lengths = quotas.map(({ windowMs }) => windowMs);
      counter.shortestMs = Math.min(counter.shortestMs, ...lengths);
      const since = lengths.map((windowMs) => this.completeSince(owner, name, windowMs, now));
      const longestMs = Math.max(...lengths);
      const longestStoredMs = Math.max(0, ...this.#stored(counter, now).keys());
      if (longestMs > longestStoredMs) for (const one of counter.admissions) one.refundMayBeIgnored = true;
      for (const [windowMs] of counter.completeSince) {
        if (!this.#stored(counter, now).has(windowMs)) counter.completeSince.delete(windowMs);
      }
      for (const [index, windowMs] of lengths.entries()) counter.completeSince.set(windowMs, since[index]!);
      const admission = { at: now, cost: own, counter, refunded: false, refundMayBeIgnored: false };
      counter.admissions.push(admission);
      return [admission];
    });
  }

  refund(admissions: readonly Admission[], now: number): void {
    for (const admission of admissions) {
      admission.refunded = true;
      if (admission.at <= now - admission.counter.shortestMs) admission.refundMayBeIgnored = true;
    }
  }

  reset(account: string, name?: string): void {
    this.throttling.pardon(account, name);
    if (name === undefined) this.#accounts.delete(account);
    else this.#accounts.get(account)?.delete(name);
  }

  /**
   * The instant after which a window of that length contains every admission. By contract, a window that a charge names
   * for the first time may start as a copy of the next longer window, else of the longest one.
   */
  completeSince(account: string, name: string, windowMs: number, now: number): number {
    const counter = this.#accounts.get(account)?.get(name);
    const stored = counter === undefined ? new Map<number, number>() : this.#stored(counter, now);
    const lengths = [...stored.keys()].sort((a, b) => a - b);
    const source = lengths.find((length) => length >= windowMs) ?? lengths.at(-1);
    if (source === undefined) return now - 1;
    return source >= windowMs ? stored.get(source)! : Math.max(stored.get(source)!, now - source);
  }

  /** The most that a window may count when each admission may count for `lateMs` too long. */
  most(account: string, name: string, windowMs: number, now: number, lateMs: number): number {
    const admissions = this.#accounts.get(account)?.get(name)?.admissions ?? [];
    return sum(
      admissions.filter((one) => one.at > now - windowMs - lateMs && (!one.refunded || one.refundMayBeIgnored)),
    );
  }

  #counted(account: string, name: string, windowMs: number, now: number): Admission[] {
    const since = Math.max(now - windowMs, this.completeSince(account, name, windowMs, now));
    const admissions = this.#accounts.get(account)?.get(name)?.admissions ?? [];
    return admissions.filter((one) => one.at > since && !one.refunded);
  }

  /** A store does not keep a window that counts nothing. */
  #stored(counter: Counter, now: number): Map<number, number> {
    const counts = ([windowMs, since]: readonly [number, number]) =>
      counter.admissions.some((one) => !one.refunded && one.at > Math.max(since, now - windowMs));
    return new Map([...counter.completeSince].filter(counts));
  }

  #make(account: string, name: string): Counter {
    let counters = this.#accounts.get(account);
    if (counters === undefined) {
      counters = new Map();
      this.#accounts.set(account, counters);
    }
    let counter = counters.get(name);
    if (counter === undefined) {
      counter = { admissions: [], completeSince: new Map(), shortestMs: Number.POSITIVE_INFINITY };
      counters.set(name, counter);
    }
    return counter;
  }
}

type Charged = Pick<Admission, 'at' | 'cost'>;

function sum(charged: readonly Charged[]): number {
  return charged.reduce((total, { cost }) => total + cost, 0);
}

function usedAt(charged: readonly Charged[], windowMs: number, instant: number): number {
  return sum(charged.filter(({ at }) => at > instant - windowMs));
}

function ascending(instants: readonly number[]): number[] {
  return [...instants].sort((a, b) => a - b);
}
