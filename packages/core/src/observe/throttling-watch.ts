import { boundedName, ownCopy } from '../bounded-name.js';
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
  /** By the owner of the counter, then by its name. */
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
    const throttled = Decision.countersOf(decision).filter(({ throttledMs }) => throttledMs > 0);
    // The others began with refusals elsewhere. None is as long as a new one where the store reports its begin late.
    const begun = throttled.filter(({ throttle, throttledMs }) => throttledMs >= (throttle?.forMs ?? 0));
    for (const counter of begun.length > 0 ? begun : throttled) {
      const { owner, throttle, throttledMs, now } = counter;
      const name = boundedName(counter.name);
      if (this.#followed.get(owner)?.has(name)) continue;
      const party = followable(counter.party);
      this.#follow(owner, name, { party, endsAt: now + throttledMs });
      if (!THROTTLING_BEGUN.hasSubscribers) continue;
      const factor = throttle?.factor ?? 1;
      THROTTLING_BEGUN.publish({ limiter: this.#limiter, decision, ...party, factor, endsAfterMs: throttledMs });
    }
  }

  notice(decision: Decision): void {
    // The local copy of a counter may miss a throttling, and other decisions see no counter at all.
    if (decision.source !== 'store') return;
    for (const { owner, name: whole, throttledMs, now } of Decision.countersOf(decision)) {
      const name = boundedName(whole);
      const followed = this.#followed.get(owner)?.get(name);
      if (followed === undefined && now < this.#dueAt) continue;
      if (followed !== undefined && throttledMs === 0) {
        this.#end(owner, name, followed, now < followed.endsAt ? 'lifted' : 'elapsed');
      } else if (followed !== undefined) followed.endsAt = now + throttledMs;
      if (now >= this.#dueAt) this.#endDue(now);
    }
  }

  /** Ends all of them as forgotten. */
  forget(): void {
    for (const [owner, own] of [...this.#followed]) {
      for (const [name, followed] of [...own]) this.#end(owner, name, followed, 'forgotten');
    }
  }

  #follow(owner: string, name: string, followed: Followed): void {
    if (this.size >= MOST_FOLLOWED) this.#forgetOldest();
    entryOf(this.#followed, owner, () => new Map<string, Followed>()).set(name, followed);
    this.size++;
    this.#dueAt = Math.min(this.#dueAt, followed.endsAt);
  }

  #forgetOldest(): void {
    const [owner, own] = first(this.#followed);
    const [name, followed] = first(own);
    this.#end(owner, name, followed, 'forgotten');
  }

  /** Looks at all of them, so it runs at most once a second. */
  #endDue(now: number): void {
    let soonest = Number.POSITIVE_INFINITY;
    for (const [owner, own] of [...this.#followed]) {
      for (const [name, followed] of [...own]) {
        if (followed.endsAt <= now) this.#end(owner, name, followed, 'elapsed');
        else soonest = Math.min(soonest, followed.endsAt);
      }
    }
    this.#dueAt = Math.max(soonest, now + LOOK_EVERY_MS);
  }

  #end(owner: string, name: string, followed: Followed, ended: ThrottlingEndedMessage['ended']): void {
    const own = this.#followed.get(owner)!;
    own.delete(name);
    if (own.size === 0) this.#followed.delete(owner);
    this.size--;
    if (this.size === 0) this.#dueAt = Number.POSITIVE_INFINITY;
    if (!THROTTLING_ENDED.hasSubscribers) return;
    THROTTLING_ENDED.publish({ limiter: this.#limiter, ...followed.party, ended });
  }
}

interface Followed {
  readonly party: Omit<ThrottlingEndedMessage, 'limiter' | 'ended'>;
  endsAt: number;
}

/** Without a long id, or an id that keeps the URL which it was cut out of: thousands are followed. */
function followable(party: Followed['party']): Followed['party'] {
  const { subjectId } = party;
  return subjectId === undefined ? party : { ...party, subjectId: ownCopy(boundedName(subjectId)) };
}

function first<Name, Kept>(kept: ReadonlyMap<Name, Kept>): readonly [Name, Kept] {
  for (const entry of kept) return entry;
  throw new Error('Nothing is followed');
}

const MOST_FOLLOWED = 10_000;
const LOOK_EVERY_MS = 1000;
