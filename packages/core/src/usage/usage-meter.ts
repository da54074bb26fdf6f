import { boundedName, ownCopy } from '../bounded-name.js';
import { type Decision, type Identity, noteFullest } from '../decision/index.js';
import { MAX_CATEGORIES, OTHER_CATEGORIES, requestsOf, type UsageEntry } from '../store/index.js';
import { Seconds } from './seconds.js';
import { minuteOf, Tally } from './tally.js';
import { usageAccount } from './usage-account.js';
import type { CheckedUsage } from './usage-options.js';

/**
 * Counts the requests of this process until they are brought to a store. It stands on every request's path, so there it finds
 * one entry of a map and adds to numbers. What it holds is bounded, and what it cannot hold is counted as dropped.
 */
export class UsageMeter {
  readonly #maxEntries: number;
  readonly #seconds: Seconds;
  readonly #woken: () => void;
  /** Of each account and address, the categories' tallies as a chain: most have one or two. */
  readonly #accounts = new Map<string, Tally>();
  readonly #addresses = new Map<string, Tally>();
  /** By the slots of counters in this process, so that an account need not be looked for twice. */
  readonly #bySlot: (Tally | undefined)[] = [];
  readonly #birthOf: ((slot: number) => number) | undefined;
  /** Minutes that are over, and what the store could not take. */
  readonly #waiting: UsageEntry[] = [];
  #tallies = 0;
  #recorded = 0;
  #recordedBefore = 0;
  #settled = 0;
  dropped = 0;

  /**
   * `woken` is called with the first request after a while of none. `birthOf` tells of the counter that is now in a slot what no
   * other counter ever has.
   */
  constructor(
    { maxEntries, clock }: Pick<CheckedUsage, 'maxEntries' | 'clock'>,
    woken: () => void,
    birthOf?: (slot: number) => number,
  ) {
    this.#birthOf = birthOf;
    this.#maxEntries = maxEntries;
    this.#seconds = new Seconds(clock, () => this.#tick());
    this.#woken = woken;
  }

  /** Requests that are counted here, and of which no one has said yet what has become of them. */
  get pending(): number {
    return this.#recorded - this.#settled;
  }

  /** Whether someone came in the last second or two. */
  get isAwake(): boolean {
    return this.#seconds.current >= 0;
  }

  record(decision: Decision, slot: number): void {
    let second = this.#seconds.current;
    if (second < 0) second = this.#wake();
    const birth = slot < 0 || this.#birthOf === undefined ? 0 : this.#birthOf(slot);
    let tally = birth === 0 ? undefined : this.#bySlot[slot];
    // A counter is of one account, but that of a total is of many categories.
    if (tally === undefined || tally.birth !== birth || tally.category !== decision.category) {
      tally = this.#find(decision, second);
      if (tally !== undefined && birth !== 0) this.#note(tally, slot, birth);
    }
    if (tally === undefined || (tally.second !== second && !this.#turn(tally, second))) {
      this.dropped++;
      return;
    }
    this.#recorded++;
    tally.inSecond++;
    if (!decision.allowed) tally.refused++;
    else {
      tally.admitted++;
      if (decision.wouldRefuse) tally.wouldRefuse++;
    }
    noteFullest(decision, tally);
  }

  #find(decision: Decision, second: number): Tally | undefined {
    const { account, category } = decision;
    let tally = account === undefined ? this.#addresses.get(decision.address!) : this.#accounts.get(account);
    while (tally !== undefined && tally.category !== category) tally = tally.next;
    return tally ?? this.#tallyOf(decision, second);
  }

  /** Others that are found by the slot of the tally, or that the tally is found by, are found the longer way. */
  #note(tally: Tally, slot: number, birth: number): void {
    // An array that is written to far behind its end becomes slow.
    while (this.#bySlot.length <= slot) this.#bySlot.push(undefined);
    if (tally.slot >= 0 && this.#bySlot[tally.slot] === tally) this.#bySlot[tally.slot] = undefined;
    this.#bySlot[slot] = tally;
    tally.slot = slot;
    tally.birth = birth;
  }

  /** Hands over what there is now, in batches; whoever takes one has it stored, or puts it back. */
  *batches(): Generator<readonly UsageEntry[], void, undefined> {
    // What is put back meanwhile, behind the others, is for the next time, and so are names that come meanwhile.
    for (let left = this.#waiting.length; left > 0; left -= BATCH) {
      yield this.#waiting.splice(0, Math.min(left, BATCH));
    }
    // Tallies that are empty are kept for whoever comes again soon, while there is space.
    const isCrowded = this.#tallies > this.#maxEntries / 2;
    yield* this.#batchesOf(this.#accounts, isCrowded);
    yield* this.#batchesOf(this.#addresses, isCrowded);
  }

  /** An entry that was handed over was stored, or is lost. */
  settle(entry: UsageEntry): void {
    this.#settled += requestsOf(entry);
  }

  /** Takes an entry back that was not stored, if there is still space for it. */
  putBack(entry: UsageEntry): void {
    if (this.#isFull) this.drop(entry);
    else this.#waiting.push(entry);
  }

  /** Gives up an entry that was handed over. */
  drop(entry: UsageEntry): void {
    this.settle(entry);
    this.dropped += requestsOf(entry);
  }

  stop(): void {
    this.#seconds.stop();
  }

  *#batchesOf(tallies: Map<string, Tally>, isCrowded: boolean): Generator<readonly UsageEntry[], void, undefined> {
    let batch: UsageEntry[] = [];
    let left = tallies.size;
    for (const [name, first] of tallies) {
      if (left-- === 0) break;
      let isIdle = true;
      for (let tally: Tally | undefined = first; tally !== undefined; tally = tally.next) {
        if (tally.isEmpty) continue;
        isIdle = false;
        batch.push(tally.take());
      }
      if (isIdle || isCrowded) this.#forget(tallies, name, first);
      if (batch.length >= BATCH) {
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  }

  #forget(tallies: Map<string, Tally>, name: string, first: Tally): void {
    tallies.delete(name);
    for (let tally: Tally | undefined = first; tally !== undefined; tally = tally.next) {
      this.#tallies--;
      if (tally.slot >= 0 && this.#bySlot[tally.slot] === tally) this.#bySlot[tally.slot] = undefined;
    }
  }

  get #isFull(): boolean {
    return this.#tallies + this.#waiting.length >= this.#maxEntries;
  }

  /** The tally of a long name or of one category of many, or a new one; `undefined` where there is no space for it. */
  #tallyOf(decision: Decision, second: number): Tally | undefined {
    const { account, address } = decision;
    const tallies = account === undefined ? this.#addresses : this.#accounts;
    const name = boundedName(account ?? address!);
    const category = boundedName(decision.category);
    let last: Tally | undefined;
    let categories = 0;
    for (let tally = tallies.get(name); tally !== undefined; tally = tally.next) {
      // Those of all other categories stand last.
      if (tally.category === category || tally.category === OTHER_CATEGORIES) return tally;
      last = tally;
      categories++;
    }
    if (this.#isFull) return undefined;
    this.#tallies++;
    if (last === undefined) {
      const made = new Tally(ownCopy(usageAccount(decision as Identity)), ownCopy(category), second);
      tallies.set(made.account === name ? made.account : ownCopy(name), made);
      return made;
    }
    last.next = new Tally(last.account, categories === MAX_CATEGORIES ? OTHER_CATEGORIES : ownCopy(category), second);
    return last.next;
  }

  /** Whether there is space for what the tally has counted before, if it is of another minute. */
  #turn(tally: Tally, second: number): boolean {
    const minute = minuteOf(second);
    // A clock that is set back again and again would have more seconds than a minute has.
    const isOver = tally.minute !== minute || tally.seconds.length > MOST_SECONDS;
    if (isOver && !tally.isEmpty) {
      if (this.#isFull) return false;
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

  /** Whether to go on looking at the clock: not while no one comes. */
  #tick(): boolean {
    const isIdle = this.#recorded === this.#recordedBefore && this.pending === 0;
    this.#recordedBefore = this.#recorded;
    return !isIdle;
  }
}

const BATCH = 100;
const MOST_SECONDS = 120;
