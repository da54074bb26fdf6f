import { boundedName, ownCopy } from '../bounded-name.js';
import { type Clock, wallClock } from '../clock.js';
import { chargesOf, type DecidedCharge, type Decision, type Identity, noteFullest } from '../decision/index.js';
import { MAX_CATEGORIES, OTHER_ACCOUNTS, OTHER_CATEGORIES, requestsOf, type UsageEntry } from '../store/index.js';
import { OtherAccounts } from './other-accounts.js';
import { usageAccount } from './read-usage.js';
import { minuteOf, type Owner, Tally } from './tally.js';
import type { CheckedUsage } from './usage-options.js';

/**
 * Counts the requests of this process, and the corrections of their charges, until they are flushed to a store. Every
 * request passes here, so counting one finds an entry of a map and adds to numbers.
 *
 * The number of entries is bounded. In a crowd of accounts, the least used ones are counted together. What comes beyond
 * the bound that an outage has left is counted as dropped.
 */
export class UsageMeter {
  readonly #maxEntries: number;
  readonly #seconds: Seconds;
  readonly #woken: () => void;
  /** By account, and by address: the tallies of its categories as a chain. Most have one or two. */
  readonly #accounts = new Map<string, Tally>();
  readonly #addresses = new Map<string, Tally>();
  /** All tallies, in no order, to take a sample. */
  readonly #tallies: Tally[] = [];
  readonly #others: OtherAccounts;
  readonly #limiter: string;
  /** Entries of past minutes, and entries that the store has not taken. */
  readonly #waiting: UsageEntry[] = [];
  #recorded = 0;
  #recordedBefore = 0;
  #settled = 0;
  dropped = 0;

  /** `limiter` is the name of the limiter. `woken` is called with the first count after an idle time. */
  constructor({ maxEntries, clock }: Pick<CheckedUsage, 'maxEntries' | 'clock'>, limiter: string, woken: () => void) {
    this.#maxEntries = maxEntries;
    this.#limiter = limiter;
    this.#others = new OtherAccounts(usageAccount({ account: OTHER_ACCOUNTS }, limiter));
    this.#seconds = new Seconds(clock, () => this.#tick());
    this.#woken = woken;
  }

  /** Requests and corrections that are counted here, and neither stored, dropped nor lost yet. */
  get pending(): number {
    return this.#recorded - this.#settled;
  }

  /** Whether anything came in the last second or two. */
  get isAwake(): boolean {
    return this.#seconds.current >= 0;
  }

  /** Counts a request; of several charges, once for each of their accounts and categories. */
  record(decision: Decision): void {
    const charges = chargesOf(decision);
    if (charges === undefined) {
      this.#record(decision, decision);
      return;
    }
    for (const [index, part] of charges.entries()) {
      const isCounted = charges.slice(0, index).some(({ charge }) => isSameRequest(charge, part.charge));
      if (!isCounted) this.#record(decision, part.charge, part);
    }
  }

  /** Counts a correction of a charge, in units. It is no request, and its account may have none in this minute. */
  correct(charge: CountedRequest, cost: number, actualCost: number): void {
    this.#current(charge)?.correct(cost, actualCost);
  }

  #record(decision: Decision, request: CountedRequest, part?: DecidedCharge): void {
    const tally = this.#current(request);
    if (tally === undefined) return;
    tally.inSecond++;
    if (!decision.allowed) tally.refused++;
    else {
      tally.admitted++;
      if (decision.wouldRefuse) tally.wouldRefuse++;
    }
    noteFullest(decision, tally, part);
  }

  /** The tally at the current second, which then counts one more; `undefined` if that is dropped. */
  #current(request: CountedRequest): Tally | undefined {
    let second = this.#seconds.current;
    if (second < 0) second = this.#wake();
    const tally = this.#find(request, second);
    if (tally === undefined || (tally.second !== second && !this.#turn(tally, second))) {
      this.dropped++;
      return undefined;
    }
    this.#recorded++;
    return tally;
  }

  #find(request: CountedRequest, second: number): Tally | undefined {
    const { account, category } = request;
    let tally = account === undefined ? this.#addresses.get(request.address!) : this.#accounts.get(account);
    while (tally !== undefined && tally.category !== category) tally = tally.next;
    return tally ?? this.#tallyOf(request, second);
  }

  /** Takes all entries, in batches, some of them empty. The caller stores each entry, or puts it back. */
  *batches(): Generator<readonly UsageEntry[], void, undefined> {
    // Entries that are put back meanwhile wait for the next call, as do new names.
    for (let left = this.#waiting.length; left > 0; left -= BATCH) {
      yield this.#waiting.splice(0, Math.min(left, BATCH));
    }
    const isCrowded = this.#isCrowded;
    let batch: UsageEntry[] = [];
    let seen = 0;
    for (const tally of [...this.#tallies]) {
      // The caller may have waited, and a new account may have taken the place of this one.
      if (tally.index < 0) continue;
      // In a crowd, an account with a single request gets no entry of its own.
      if (isCrowded && !tally.isEmpty && tally.requests <= 1 && this.#isAlone(tally)) this.#others.add(tally.take());
      // Tallies are kept for the next request of the same account, while there is space.
      const isKept = !isCrowded && !tally.isEmpty;
      if (!tally.isEmpty) batch.push(tally.take());
      if (!isKept) this.#remove(tally);
      if (batch.length < BATCH && ++seen < SEEN_AT_ONCE) continue;
      yield batch;
      batch = [];
      seen = 0;
    }
    batch.push(...this.#others.take());
    if (batch.length > 0) yield batch;
  }

  /** A taken entry was stored, or is lost. */
  settle(entry: UsageEntry): void {
    this.#settled += recordedIn(entry);
  }

  /** Takes back an entry that was not stored. It is dropped if there is no space for it. */
  putBack(entry: UsageEntry): void {
    if (this.#isFull) this.drop(entry);
    else this.#waiting.push(entry);
  }

  drop(entry: UsageEntry): void {
    this.settle(entry);
    this.dropped += recordedIn(entry);
  }

  stop(): void {
    this.#seconds.stop();
  }

  get #isFull(): boolean {
    return this.#tallies.length + this.#waiting.length >= this.#maxEntries;
  }

  /** Whether most of the entries are tallies. Else an outage has left many to wait. */
  get #isCrowded(): boolean {
    return this.#tallies.length > this.#maxEntries / 2;
  }

  /** In a crowd, counts the least used tally of a small sample with the others. Returns whether that made room. */
  #makeRoom(kept?: Tally): boolean {
    if (!this.#isCrowded) return false;
    let least: Tally | undefined;
    for (let sampled = 0; sampled < SAMPLE; sampled++) {
      const tally = this.#tallies[Math.floor(Math.random() * this.#tallies.length)]!;
      if (tally !== kept && (least === undefined || tally.requests < least.requests)) least = tally;
    }
    if (least === undefined) return false;
    if (!least.isEmpty) this.#others.add(least.take());
    this.#remove(least);
    return !this.#isFull;
  }

  /** The tally of a long name or of one category among many, or a new one; `undefined` if there is no space for it. */
  #tallyOf(request: CountedRequest, second: number): Tally | undefined {
    const { account, address } = request;
    const tallies = account === undefined ? this.#addresses : this.#accounts;
    const name = boundedName(account ?? address!);
    const category = boundedName(request.category);
    let last: Tally | undefined;
    let categories = 0;
    for (let tally = tallies.get(name); tally !== undefined; tally = tally.next) {
      // The tally of all other categories is the last one.
      if (tally.category === category || tally.category === OTHER_CATEGORIES) return tally;
      last = tally;
      categories++;
    }
    if (this.#isFull && !this.#makeRoom(last)) return undefined;
    const owner = last ?? ownerOf(request as Identity, name, this.#limiter);
    const ownCategory = categories === MAX_CATEGORIES ? OTHER_CATEGORIES : ownCopy(category);
    const made = new Tally(owner, ownCategory, second);
    if (last === undefined) tallies.set(made.key, made);
    else last.next = made;
    made.index = this.#tallies.push(made) - 1;
    return made;
  }

  /** Whether it is the only tally of its account. */
  #isAlone(tally: Tally): boolean {
    const tallies = tally.isAddress ? this.#addresses : this.#accounts;
    return tally.next === undefined && tallies.get(tally.key) === tally;
  }

  #remove(tally: Tally): void {
    const last = this.#tallies.pop()!;
    if (last !== tally) {
      last.index = tally.index;
      this.#tallies[tally.index] = last;
    }
    tally.index = -1;
    const tallies = tally.isAddress ? this.#addresses : this.#accounts;
    const first = tallies.get(tally.key)!;
    if (first !== tally) {
      let before = first;
      while (before.next !== tally) before = before.next!;
      before.next = tally.next;
    } else if (tally.next === undefined) tallies.delete(tally.key);
    else tallies.set(tally.key, tally.next);
  }

  /**
   * Moves the tally to another second. Returns false if that is in another minute and there is no space for the last
   * one.
   */
  #turn(tally: Tally, second: number): boolean {
    const minute = minuteOf(second);
    // With a clock that is set back often, one minute could have more than 60 seconds.
    const isOver = tally.minute !== minute || tally.seconds.length > MOST_SECONDS;
    if (isOver && !tally.isEmpty) {
      if (this.#isFull && !this.#makeRoom(tally)) return false;
      this.#waiting.push(tally.take());
    }
    tally.turn(second);
    tally.minute = minute;
    return true;
  }

  #wake(): number {
    const second = this.#seconds.wake();
    this.#woken();
    return second;
  }

  /** Whether to keep reading the clock: not while no request comes. */
  #tick(): boolean {
    const isIdle = this.#recorded === this.#recordedBefore && this.pending === 0;
    this.#recordedBefore = this.#recorded;
    return !isIdle;
  }
}

/** The requests and corrections of an entry. */
export function recordedIn(entry: UsageEntry): number {
  return requestsOf(entry) + (entry.corrections?.count ?? 0);
}

/** Whose request it is: a decision's, or that of one of its charges. */
type CountedRequest = Pick<Decision, 'account' | 'address' | 'category'>;

function isSameRequest(one: CountedRequest, other: CountedRequest): boolean {
  return one.account === other.account && one.address === other.address && one.category === other.category;
}

/** The names are copies, since a part of a URL would keep the whole URL. */
function ownerOf(identity: Identity, name: string, limiter: string): Owner {
  const account = ownCopy(usageAccount(identity, limiter));
  return { account, key: account === name ? account : ownCopy(name), isAddress: identity.account === undefined };
}

const BATCH = 100;
/** A turn of the event loop takes as many, so that requests need not wait for all of a crowd. */
const SEEN_AT_ONCE = 1000;
const SAMPLE = 8;
const MOST_SECONDS = 120;

/**
 * The second of the wall clock, read once as each begins instead of with every request. A busy process may count a
 * request in the second before, since its timer waits for the current turn of the event loop.
 */
class Seconds {
  /** Since the epoch; −1 while the clock is not read. */
  current = -1;
  readonly #clock: Clock;
  readonly #isTimed: boolean;
  readonly #tick: () => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `tick` is called with each second, and returns whether to go on. A given clock is read with every request. */
  constructor(clock: Clock | undefined, tick: () => boolean) {
    this.#clock = clock ?? wallClock;
    this.#isTimed = clock === undefined;
    this.#tick = tick;
  }

  /** Reads the clock, and from now on with every second. */
  wake(): number {
    const now = this.#clock();
    const second = Math.floor(now / 1000);
    if (!this.#isTimed) return second;
    this.current = second;
    this.#timer ??= setTimeout(() => this.#ring(), 1000 - (now % 1000)).unref();
    return second;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.current = -1;
  }

  #ring(): void {
    this.#timer = undefined;
    if (this.#tick()) this.wake();
    else this.current = -1;
  }
}
