import type { CounterSpec } from '@tollgate/core';

/** One admitted charge on one counter. */
export interface Admission {
  readonly at: number;
  readonly cost: number;
  readonly counter: Counter;
  refunded: boolean;
  /**
   * A counter may ignore the refund of what it admitted before it was first asked for a longer window, and of what has
   * left a window in which its slice still counts.
   */
  refundMayBeIgnored: boolean;
}

/** As in a store's outcome, but that `used` is as it was before the decision. */
export interface Answer {
  readonly allowed: boolean;
  readonly used: readonly number[];
  readonly resetAfterMs: readonly number[];
  readonly retryAfterMs: number;
}

interface Counter {
  readonly admissions: Admission[];
  /** The windows that the counter holds, each with the instant after which it holds every admission. */
  readonly holdsSince: Map<number, number>;
  /** The shortest window that it was ever asked for. */
  shortestMs: number;
}

/**
 * What a store has to answer, worked out from a list of every admission by brute force: exact while `limit <= slices` and
 * a counter is always asked for the same windows. Otherwise {@link Oracle.ask} gives the least that must be counted, and
 * {@link Oracle.most} the most that may be.
 */
export class Oracle {
  readonly #accounts = new Map<string, Map<string, Counter>>();

  ask(account: string, counters: readonly CounterSpec[], cost: number, now: number): Answer {
    const quotas = counters.flatMap(({ name, quotas }) =>
      quotas.map(({ limit, windowMs }) => ({ limit, windowMs, counted: this.#counted(account, name, windowMs, now) })),
    );
    const fitsAt = (at: number) =>
      cost === 0 ||
      quotas.every(
        ({ limit, windowMs, counted }) => sum(counted.filter((one) => one.at > at - windowMs)) + cost <= limit,
      );
    const allowed = fitsAt(now);
    const instants = quotas.flatMap(({ windowMs, counted }) => counted.map(({ at }) => at + windowMs));
    const roomAt = instants.sort((a, b) => a - b).find(fitsAt) ?? Number.POSITIVE_INFINITY;
    const charged = allowed ? cost : 0;
    return {
      allowed,
      used: quotas.map(({ counted }) => sum(counted)),
      resetAfterMs: quotas.map(({ windowMs, counted }) =>
        counted.length > 0 ? counted[0]!.at + windowMs - now : charged > 0 ? windowMs : 0,
      ),
      retryAfterMs: allowed ? 0 : roomAt - now,
    };
  }

  admit(account: string, counters: readonly CounterSpec[], cost: number, now: number): Admission[] {
    return counters.map(({ name, quotas }) => {
      const counter = this.#make(account, name);
      const lengths = quotas.map(({ windowMs }) => windowMs);
      counter.shortestMs = Math.min(counter.shortestMs, ...lengths);
      const since = lengths.map((windowMs) => this.holdsSince(account, name, windowMs, now));
      const longestMs = Math.max(...lengths);
      const longestHeldMs = Math.max(0, ...this.#held(counter, now).keys());
      if (longestMs > longestHeldMs) for (const one of counter.admissions) one.refundMayBeIgnored = true;
      for (const [windowMs] of counter.holdsSince) {
        if (!this.#held(counter, now).has(windowMs)) counter.holdsSince.delete(windowMs);
      }
      for (const [index, windowMs] of lengths.entries()) counter.holdsSince.set(windowMs, since[index]!);
      const admission = { at: now, cost, counter, refunded: false, refundMayBeIgnored: false };
      counter.admissions.push(admission);
      return admission;
    });
  }

  refund(admissions: readonly Admission[], now: number): void {
    for (const admission of admissions) {
      admission.refunded = true;
      if (admission.at <= now - admission.counter.shortestMs) admission.refundMayBeIgnored = true;
    }
  }

  reset(account: string, name?: string): void {
    if (name === undefined) this.#accounts.delete(account);
    else this.#accounts.get(account)?.delete(name);
  }

  /**
   * The instant after which a window of that length holds every admission: the contract lets a window that is asked for
   * the first time begin with its narrowest longer window, else with the longest.
   */
  holdsSince(account: string, name: string, windowMs: number, now: number): number {
    const counter = this.#accounts.get(account)?.get(name);
    const held = counter === undefined ? new Map<number, number>() : this.#held(counter, now);
    const lengths = [...held.keys()].sort((a, b) => a - b);
    const source = lengths.find((length) => length >= windowMs) ?? lengths.at(-1);
    if (source === undefined) return now - 1;
    return source >= windowMs ? held.get(source)! : Math.max(held.get(source)!, now - source);
  }

  /** The most that a window may count when each admission may count for `lateMs` too long. */
  most(account: string, name: string, windowMs: number, now: number, lateMs: number): number {
    const admissions = this.#accounts.get(account)?.get(name)?.admissions ?? [];
    return sum(
      admissions.filter((one) => one.at > now - windowMs - lateMs && (!one.refunded || one.refundMayBeIgnored)),
    );
  }

  #counted(account: string, name: string, windowMs: number, now: number): Admission[] {
    const since = Math.max(now - windowMs, this.holdsSince(account, name, windowMs, now));
    const admissions = this.#accounts.get(account)?.get(name)?.admissions ?? [];
    return admissions.filter((one) => one.at > since && !one.refunded);
  }

  /** Windows that count nothing are not held. */
  #held(counter: Counter, now: number): Map<number, number> {
    const counts = ([windowMs, since]: readonly [number, number]) =>
      counter.admissions.some((one) => !one.refunded && one.at > Math.max(since, now - windowMs));
    return new Map([...counter.holdsSince].filter(counts));
  }

  #make(account: string, name: string): Counter {
    let counters = this.#accounts.get(account);
    if (counters === undefined) {
      counters = new Map();
      this.#accounts.set(account, counters);
    }
    let counter = counters.get(name);
    if (counter === undefined) {
      counter = { admissions: [], holdsSince: new Map(), shortestMs: Number.POSITIVE_INFINITY };
      counters.set(name, counter);
    }
    return counter;
  }
}

function sum(admissions: readonly Admission[]): number {
  return admissions.reduce((total, { cost }) => total + cost, 0);
}
