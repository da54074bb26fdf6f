import type { Clock } from '../clock.js';
import { optionConflictError, optionRangeError } from '../errors.js';
import { type CounterSpec, longestMsOf } from '../store/index.js';
import { type Admission, Charging } from './charging.js';
import { fitOutcome, resetOutcome, type ScratchOutcome, scratchOutcome } from './scratch-outcome.js';
import { type AccountKey, CounterTable, openWindows, type Pinned } from './table/index.js';
import { Violations } from './violations.js';

/** Decides charges on the counters of a table, each in one synchronous step. */
export class Counters implements Pinned {
  readonly table: CounterTable;
  readonly #violations: Violations;
  readonly #maxCounters: number;
  readonly #clock: Clock;
  readonly #outcome: ScratchOutcome = scratchOutcome();
  /** One for each counter of the current charge. There may be more, of an earlier charge. */
  readonly #chargings: Charging[] = [];
  #chargingCount = 0;
  /** The counters and the cost of the previous charge, if none of them names an account or a subject. */
  #usual: readonly CounterSpec[] | undefined;
  #usualCost = 0;
  /** The keys of the accounts of the current charge other than its own. */
  readonly #otherKeys: AccountKey[] = [];
  #now = 0;

  constructor(maxCounters: number, clock: Clock) {
    this.table = new CounterTable(maxCounters);
    this.#violations = new Violations(this.table);
    this.#maxCounters = maxCounters;
    this.#clock = clock;
  }

  /** As {@link Store.consume}. */
  consume(account: string, counters: readonly CounterSpec[], cost: number): ScratchOutcome {
    const now = this.tick();
    this.table.reclaim(now);
    this.#read(account, counters, cost);
    const outcome = this.#decide(counters, now);
    if (outcome.allowed) {
      if (cost > 0) this.#admit(counters, now);
    } else if (this.#violate(counters, now)) {
      this.#decide(counters, now);
      outcome.beganThrottling = true;
    }
    return outcome;
  }

  /** As {@link Store.peek}. */
  peek(account: string, counters: readonly CounterSpec[], cost: number): ScratchOutcome {
    const now = this.tick();
    this.#read(account, counters, cost);
    return this.#decide(counters, now);
  }

  /** As {@link Store.record}. Of the outcome, only `now` and `token` are valid. */
  record(account: string, counters: readonly CounterSpec[], cost: number, agoMs: number): ScratchOutcome {
    const now = this.tick();
    this.table.reclaim(now);
    this.#read(account, counters, cost);
    this.#find(now);
    for (let index = 0; index < counters.length; index++) {
      const counter = counters[index]!;
      const charging = this.#chargings[index]!;
      const expiresAt = now - agoMs + longestMsOf(counter.quotas);
      if (charging.cost === 0 || (charging.slot < 0 && expiresAt <= now)) continue;
      if (charging.slot < 0) this.#begin(charging, counter, now, expiresAt);
      charging.record(counter, now, now - agoMs);
    }
    resetOutcome(this.#outcome, now, this.table.births);
    return this.#outcome;
  }

  /** As {@link Store.refund}. */
  refund(account: string, counters: readonly CounterSpec[], cost: number, admission: Admission): void {
    const now = this.tick();
    this.#read(account, counters, cost);
    this.#find(now);
    for (let index = 0; index < counters.length; index++) this.#chargings[index]!.takeBack(admission, now);
  }

  /** Throttles counters as another store does; see {@link MemoryStore.throttle}. */
  follow(account: string, counters: readonly CounterSpec[], throttledMs: readonly number[]): void {
    const now = this.tick();
    this.#read(account, counters, 0);
    for (const [index, { throttle }] of counters.entries()) {
      if (throttle === undefined) continue;
      this.#violations.follow(this.#chargings[index]!.stored, throttle, now, throttledMs[index]!);
    }
  }

  /** The clock in whole milliseconds. A clock that steps back stays at its latest instant. */
  tick(): number {
    const instant = this.#clock();
    if (!Number.isFinite(instant)) throw optionRangeError('clock', 'a clock that returns finite milliseconds', instant);
    const now = Math.floor(instant);
    if (now > this.#now) this.#now = now;
    return this.#now;
  }

  /** Whether the current charge needs the slot. */
  has(slot: number): boolean {
    for (let index = 0; index < this.#chargingCount; index++) {
      const charging = this.#chargings[index]!;
      if (charging.slot === slot || charging.violationsSlot === slot) return true;
    }
    return false;
  }

  /** Reads where the counters of a charge are kept, and what it costs on each. */
  #read(account: string, counters: readonly CounterSpec[], cost: number): void {
    const own = this.table.keyOf(account);
    // Charges with the same limits have the same array, and differ in the account alone. All accounts share one key.
    if (counters === this.#usual && cost === this.#usualCost) return;
    this.#usual = undefined;
    let isUsual = true;
    if (2 * counters.length > this.#maxCounters) this.#checkRoom(counters);
    if (counters.length > this.#chargings.length) this.#addChargings(own, counters.length);
    this.#chargingCount = counters.length;
    let others = 0;
    let otherAccount = account;
    let quotas = 0;
    for (let index = 0; index < counters.length; index++) {
      const counter = counters[index]!;
      const charging = this.#chargings[index]!;
      let key = own;
      if (counter.account !== undefined && counter.account !== account) {
        // The counters of one account are usually neighbours.
        if (counter.account !== otherAccount) {
          otherAccount = counter.account;
          this.#readOther(others++, otherAccount);
        }
        key = this.#otherKeys[others - 1]!;
      }
      charging.stored.read(counter.name, key);
      if (counter.account !== undefined || charging.stored.key !== own) isUsual = false;
      charging.cost = counter.cost ?? cost;
      quotas += counter.quotas.length;
    }
    fitOutcome(this.#outcome, quotas);
    if (!isUsual) return;
    this.#usual = counters;
    this.#usualCost = cost;
  }

  #readOther(index: number, account: string): void {
    if (index === this.#otherKeys.length) this.#otherKeys.push(this.table.makeKey());
    this.#otherKeys[index]!.read(account);
  }

  #addChargings(own: AccountKey, count: number): void {
    while (this.#chargings.length < count) this.#chargings.push(new Charging(this.table, this.#outcome, own));
  }

  /** @throws TypeError `TOLLGATE_OPTION_CONFLICT` if the counters of one charge and their violations are too many. */
  #checkRoom(counters: readonly CounterSpec[]): void {
    const needed = counters.length + counters.filter(({ throttle }) => throttle !== undefined).length;
    if (needed <= this.#maxCounters) return;
    throw optionConflictError(
      `Expected \`maxCounters\` to be at least the ${needed} counters that one charge needs, got ${this.#maxCounters}`,
    );
  }

  /** Finds the counters, and not their violations. */
  #find(now: number): void {
    for (let index = 0; index < this.#chargingCount; index++) {
      const charging = this.#chargings[index]!;
      charging.slot = this.table.find(charging.stored.name, charging.stored.key, now);
      charging.violationsSlot = -1;
    }
  }

  /** Whether the charge fits, and how full every quota is. Writes nothing in the table. */
  #decide(counters: readonly CounterSpec[], now: number): ScratchOutcome {
    const { table } = this;
    const outcome = this.#outcome;
    resetOutcome(outcome, now, table.births);
    let offset = 0;
    for (let index = 0; index < counters.length; index++) {
      const counter = counters[index]!;
      const { throttle } = counter;
      const charging = this.#chargings[index]!;
      const { stored } = charging;
      charging.slot = table.find(stored.name, stored.key, now);
      charging.violationsSlot = throttle === undefined ? -1 : this.#violations.find(stored, now);
      if (throttle !== undefined) outcome.throttledMs ??= noneThrottled(counters.length);
      const throttledMs = charging.violationsSlot < 0 ? 0 : this.#throttledMs(charging.violationsSlot, index, now);
      charging.decide(counter, now, offset, throttledMs);
      offset += counter.quotas.length;
    }
    return outcome;
  }

  /** Milliseconds until a throttling ends, 0 if it has ended. Writes them to the outcome. */
  #throttledMs(violationsSlot: number, index: number, now: number): number {
    const throttledMs = Math.max(0, this.#violations.endsAt(violationsSlot) - now);
    if (throttledMs > 0) this.#outcome.throttledMs = this.#outcome.throttledMs!.with(index, throttledMs);
    return throttledMs;
  }

  #admit(counters: readonly CounterSpec[], now: number): void {
    const outcome = this.#outcome;
    for (let index = 0; index < counters.length; index++) {
      const counter = counters[index]!;
      const charging = this.#chargings[index]!;
      if (charging.cost === 0) continue;
      if (charging.slot < 0) this.#begin(charging, counter, now, now + counter.quotas[0]!.windowMs);
      charging.admit(counter, now, outcome.throttledMs?.[index] ?? 0);
    }
    outcome.token = this.table.births;
  }

  /** Creates a counter. The slots of the charge do not evict each other. */
  #begin(charging: Charging, { quotas }: CounterSpec, now: number, expiresAt: number): void {
    charging.slot = this.table.create(charging.stored.name, charging.stored.key, now, expiresAt, this);
    openWindows(this.table, charging.slot, quotas);
  }

  /** Counts a violation on each counter that the charge does not fit on. Returns whether a throttling began. */
  #violate(counters: readonly CounterSpec[], now: number): boolean {
    let began = false;
    for (let index = 0; index < counters.length; index++) {
      const { throttle } = counters[index]!;
      const charging = this.#chargings[index]!;
      if (throttle === undefined || charging.fits) continue;
      if (charging.violationsSlot < 0) {
        charging.violationsSlot = this.#violations.begin(charging.stored, throttle, now, this);
      }
      if (this.#violations.count(charging.violationsSlot, throttle, now)) began = true;
    }
    return began;
  }
}

/** All unthrottled charges with as many counters share one array. */
function noneThrottled(count: number): readonly number[] {
  while (NONE_THROTTLED.length <= count) NONE_THROTTLED.push(new Array<number>(NONE_THROTTLED.length).fill(0));
  return NONE_THROTTLED[count]!;
}

/** By the number of counters. */
const NONE_THROTTLED: number[][] = [[], [0], [0, 0]];
