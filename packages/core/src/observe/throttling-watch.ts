import { Decision } from '../decision/index.js';
import { type ObservedLimiter, THROTTLING_BEGUN, THROTTLING_ENDED, type ThrottlingEndedMessage } from './channels.js';

/**
 * Tells when a throttling begins, and follows it until it is over. There is no timer: the end is noticed by the counter's
 * next decision that the store makes without the throttling, or, once its time is up, by that of any counter within a second.
 * Time is the store's, as decisions tell it.
 */
export class Throttlings {
  readonly #limiter: ObservedLimiter;
  /** By account or address, then by counter. */
  readonly #followed = new Map<string, Map<string, Followed>>();
  #size = 0;
  /** No end is due before, on the store's clock. */
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(limiter: ObservedLimiter) {
    this.#limiter = limiter;
  }

  /** Whether there is anything to {@link notice}. */
  get isEmpty(): boolean {
    return this.#size === 0;
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
    // A copy in this process may know of a throttling less than the store, and whoever decides without either knows nothing.
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

  /** Follows none of them any more. */
  forget(): void {
    for (const [key, own] of [...this.#followed]) {
      for (const [name, followed] of [...own]) this.#end(key, name, followed, 'forgotten');
    }
  }

  #follow(key: string, name: string, followed: Followed): void {
    if (this.#size >= MOST_FOLLOWED) this.#forgetOldest();
    let own = this.#followed.get(key);
    if (own === undefined) {
      own = new Map();
      this.#followed.set(key, own);
    }
    own.set(name, followed);
    this.#size++;
    this.#dueAt = Math.min(this.#dueAt, followed.endsAt);
  }

  #forgetOldest(): void {
    const [key, own] = first(this.#followed);
    const [name, followed] = first(own);
    this.#end(key, name, followed, 'forgotten');
  }

  /** Looks at all of them, so no more than once a second. */
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
    this.#size--;
    if (this.#size === 0) this.#dueAt = Number.POSITIVE_INFINITY;
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
