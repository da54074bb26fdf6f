import { Decision } from '../decision/index.js';
import { entryOf } from '../entry-of.js';
import { type ObservedLimiter, THROTTLING_BEGUN, THROTTLING_ENDED, type ThrottlingEndedMessage } from './channels.js';

/**
 * Publishes the begin and the end of each throttling. There is no timer. An end is noticed by the next decision of the
 * store on the same counter, or, after the throttling has expired, by a decision on any counter within a second.
 * Instants are on the store's clock, as decisions report it.
 */
export class ThrottlingWatch {
  readonly #limiter: ObservedLimiter;
  /** By account or address, then by counter. */
  readonly #followed = new Map<string, Map<string, Followed>>();
  /** The number of throttlings that it follows. A plain field, since every decision reads it. */
  size = 0;
  /** The earliest instant at which an end is due, on the store's clock. */
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(limiter: ObservedLimiter) {
    this.#limiter = limiter;
  }

  begun(decision: Decision): void {
    if (!THROTTLING_BEGUN.hasSubscribers && !THROTTLING_ENDED.hasSubscribers) return;
    const { account, address, category } = decision;
    const key = keyOf(decision);
    for (const { name, scope, factor, throttledMs, now } of Decision.countersOf(decision)) {
      if (throttledMs === 0 || this.#followed.get(key)?.has(name)) continue;
      this.#follow(key, name, { account, address, category, scope, endsAt: now + throttledMs });
      if (THROTTLING_BEGUN.hasSubscribers) {
        THROTTLING_BEGUN.publish({ limiter: this.#limiter, decision, scope, factor, endsAfterMs: throttledMs });
      }
    }
  }

  notice(decision: Decision): void {
    // The local copy of a counter may miss a throttling, and other decisions see no counter at all.
    if (decision.source !== 'store') return;
    const key = keyOf(decision);
    const own = this.#followed.get(key);
    for (const { name, throttledMs, now } of Decision.countersOf(decision)) {
      const followed = own?.get(name);
      if (followed === undefined && now < this.#dueAt) continue;
      if (followed !== undefined && throttledMs === 0) {
        this.#end(key, name, followed, now < followed.endsAt ? 'lifted' : 'elapsed');
      } else if (followed !== undefined) followed.endsAt = now + throttledMs;
      if (now >= this.#dueAt) this.#endDue(now);
    }
  }

  /** Ends all of them as forgotten. */
  forget(): void {
    for (const [key, own] of [...this.#followed]) {
      for (const [name, followed] of [...own]) this.#end(key, name, followed, 'forgotten');
    }
  }

  #follow(key: string, name: string, followed: Followed): void {
    if (this.size >= MOST_FOLLOWED) this.#forgetOldest();
    entryOf(this.#followed, key, () => new Map<string, Followed>()).set(name, followed);
    this.size++;
    this.#dueAt = Math.min(this.#dueAt, followed.endsAt);
  }

  #forgetOldest(): void {
    const [key, own] = first(this.#followed);
    const [name, followed] = first(own);
    this.#end(key, name, followed, 'forgotten');
  }

  /** Looks at all of them, so it runs at most once a second. */
  #endDue(now: number): void {
    let soonest = Number.POSITIVE_INFINITY;
    for (const [key, own] of [...this.#followed]) {
      for (const [name, followed] of [...own]) {
        if (followed.endsAt <= now) this.#end(key, name, followed, 'elapsed');
        else soonest = Math.min(soonest, followed.endsAt);
      }
    }
    this.#dueAt = Math.max(soonest, now + LOOK_EVERY_MS);
  }

  #end(key: string, name: string, followed: Followed, ended: ThrottlingEndedMessage['ended']): void {
    const own = this.#followed.get(key)!;
    own.delete(name);
    if (own.size === 0) this.#followed.delete(key);
    this.size--;
    if (this.size === 0) this.#dueAt = Number.POSITIVE_INFINITY;
    if (!THROTTLING_ENDED.hasSubscribers) return;
    const { account, address, category, scope } = followed;
    THROTTLING_ENDED.publish({ limiter: this.#limiter, account, address, category, scope, ended });
  }
}

interface Followed extends Pick<ThrottlingEndedMessage, 'account' | 'address' | 'category' | 'scope'> {
  endsAt: number;
}

function first<Name, Kept>(kept: ReadonlyMap<Name, Kept>): readonly [Name, Kept] {
  for (const entry of kept) return entry;
  throw new Error('Nothing is followed');
}

function keyOf({ account, address }: Decision): string {
  return account === undefined ? `@${address}` : `=${account}`;
}

const MOST_FOLLOWED = 10_000;
const LOOK_EVERY_MS = 1000;
