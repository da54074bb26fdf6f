import type { CounterSpec, Outcome, Throttle } from '@tollgate/core';

/** All refusals of one counter, and its last throttling. */
interface Offender {
  readonly violations: { readonly at: number; readonly leavesAt: number }[];
  endsAt: number;
  lastedMs: number;
}

/** Computes the throttlings of all counters from a list of every violation. */
export class ThrottleOracle {
  readonly #accounts = new Map<string, Map<string, Offender>>();

  /** The end of each counter's throttling. 0 without one, or if the charge has no throttle. */
  endsAt(account: string, counters: readonly CounterSpec[], now: number): number[] {
    return counters.map(({ name, throttle, account: owner }) => {
      const endsAt = this.#accounts.get(owner ?? account)?.get(name)?.endsAt ?? 0;
      return throttle !== undefined && endsAt > now ? endsAt : 0;
    });
  }

  /** Counts a refusal on each counter without room. Returns whether a throttling began with it. */
  refuse(account: string, counters: readonly CounterSpec[], cost: number, { now, used }: Outcome): boolean {
    const ends = this.endsAt(account, counters, now);
    let answered = 0;
    let began = false;
    for (const [place, counter] of counters.entries()) {
      const { name, quotas, throttle } = counter;
      const own = costOn(counter, cost);
      const full = quotas.filter(
        ({ limit }, index) => used[answered + index]! + own > effectiveLimit(limit, throttle, ends[place]!, now),
      );
      answered += quotas.length;
      if (full.length === 0 || throttle === undefined || own === 0) continue;
      const offender = this.#make(counter.account ?? account, name);
      offender.violations.push({ at: now, leavesAt: now + throttle.withinMs });
      const counted = offender.violations.filter(({ at }) => at > now - throttle.withinMs).length;
      if (ends[place]! > 0 || counted < throttle.afterViolations) continue;
      offender.lastedMs = throttle.durationMs(now, offender.endsAt, offender.lastedMs);
      offender.endsAt = now + offender.lastedMs;
      began = true;
    }
    return began;
  }

  pardon(account: string, name?: string): void {
    if (name === undefined) this.#accounts.delete(account);
    else this.#accounts.get(account)?.delete(name);
  }

  /** The future instants at which throttlings end, or violations stop counting. */
  edges(to: 'throttling' | 'violation', now: number): number[] {
    const offenders = [...this.#accounts.values()].flatMap((offenders) => [...offenders.values()]);
    const instants = offenders.flatMap(({ endsAt, violations }) =>
      to === 'throttling' ? [endsAt] : violations.map(({ leavesAt }) => leavesAt),
    );
    return instants.filter((at) => at > now);
  }

  #make(account: string, name: string): Offender {
    let offenders = this.#accounts.get(account);
    if (offenders === undefined) {
      offenders = new Map();
      this.#accounts.set(account, offenders);
    }
    let offender = offenders.get(name);
    if (offender === undefined) {
      offender = { violations: [], endsAt: 0, lastedMs: 0 };
      offenders.set(name, offender);
    }
    return offender;
  }
}

/** What a charge of that cost takes on the counter. */
export function costOn({ cost: own }: CounterSpec, cost: number): number {
  return own ?? cost;
}

/** The same for each quota of the counters. */
export function costsOf(counters: readonly CounterSpec[], cost: number): number[] {
  return counters.flatMap((counter) => counter.quotas.map(() => costOn(counter, cost)));
}

/** The limit in force at that instant. */
export function effectiveLimit(limit: number, throttle: Throttle | undefined, endsAt: number, at: number): number {
  return throttle !== undefined && at < endsAt ? throttle.limitOf(limit) : limit;
}
