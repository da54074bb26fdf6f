import type { Clock } from '../clock.js';
import { optionRangeError } from '../errors.js';
import type { CounterSpec, Throttle } from '../store/index.js';
import type { AccountKey } from './account-key.js';
import { CounterCharges } from './counter-charges.js';
import { CounterTable } from './counter-table.js';
import { PlainCharges } from './plain-charges.js';
import { recordPast } from './recording.js';
import { begin, type PassingOutcome, passingOutcome } from './scratch-outcome.js';
import { counterName } from './stored-names.js';
import { Violations } from './violations.js';
import { arrangeWindows, openWindows, windowsFit } from './windows.js';

/** Decides charges on the counters of a table, each in one synchronous step. */
export class MemoryCounters {
  readonly table: CounterTable;
  readonly violations: Violations;
  readonly #clock: Clock;
  readonly #outcome: PassingOutcome = passingOutcome();
  readonly #charges: CounterCharges;
  readonly #plain: PlainCharges;
  /** Of the charge at hand: the slots of its counters, and those of their violations. */
  readonly #slots: [number, number, number, number] = [-1, -1, -1, -1];
  readonly #hasRoom: [boolean, boolean] = [true, true];
  /** Whether it is for `PlainCharges`. */
  readonly #isPlain: [boolean, boolean] = [true, true];
  #now = 0;

  constructor(maxCounters: number, clock: Clock) {
    this.table = new CounterTable(maxCounters);
    this.violations = new Violations(this.table);
    this.#charges = new CounterCharges(this.table, this.#outcome);
    this.#plain = new PlainCharges(this.table, this.#outcome);
    this.#clock = clock;
  }

  /** As {@link Store.consume}. */
  consume(account: string, counters: readonly CounterSpec[], cost: number): PassingOutcome {
    const now = this.tick();
    this.table.reclaim(now);
    const key = this.table.keyOf(account);
    if (counters.length === 1 && this.#consumePlainly(counters, key, cost, now)) return this.#outcome;
    const outcome = this.#decide(key, counters, cost, now);
    if (outcome.allowed) {
      if (cost > 0) this.#admit(key, counters, cost, outcome);
    } else if (this.#violate(key, counters, now)) {
      this.#decide(key, counters, cost, now);
      outcome.beganThrottling = true;
    }
    return outcome;
  }

  /** As {@link Store.record}. The outcome says when it was recorded, and nothing of the quotas. */
  record(account: string, counters: readonly CounterSpec[], cost: number, agoMs: number): PassingOutcome {
    const { table } = this;
    const now = this.tick();
    table.reclaim(now);
    if (cost > 0) {
      const key = table.keyOf(account);
      if (agoMs > 0 || counters.length > 1 || !this.#recordPlainly(counters[0]!, key, cost, now)) {
        recordPast(table, key, counters, cost, now, now - agoMs);
      }
    }
    begin(this.#outcome, now, table.births, -1);
    return this.#outcome;
  }

  /** As {@link Store.peek}. */
  peek(account: string, counters: readonly CounterSpec[], cost: number): PassingOutcome {
    const now = this.tick();
    return this.#decide(this.table.keyOf(account), counters, cost, now);
  }

  /** The clock in whole milliseconds, held at its latest instant when it steps back. */
  tick(): number {
    const instant = this.#clock();
    if (!Number.isFinite(instant)) throw optionRangeError('clock', 'a clock that tells finite milliseconds', instant);
    const now = Math.floor(instant);
    if (now > this.#now) this.#now = now;
    return this.#now;
  }

  /**
   * The short way of nearly all charges: on one counter, which is there, and whose windows are those of its quotas. Of others
   * it does nothing, and says so.
   */
  #consumePlainly(counters: readonly CounterSpec[], key: AccountKey, cost: number, now: number): boolean {
    const { table } = this;
    const counter = counters[0]!;
    const { name, quotas, throttle } = counter;
    const slot = table.find(counterName(name), key, now);
    if (slot < 0 || !this.#plain.suits(slot, quotas)) return false;
    begin(this.#outcome, now, table.births, slot);
    if (throttle !== undefined) {
      this.#slots[0] = slot;
      this.#slots[1] = -1;
      this.#slots[3] = -1;
      this.#consumeThrottling(counters, throttle, key, cost, now);
    } else if (this.#plain.fits(slot, quotas, cost, now, 0) && cost > 0) {
      this.#plain.admit(slot, quotas, cost, now, 0);
    }
    return true;
  }

  /** The same where refusals may throttle, of the slot in `#slots`: a refusal is recorded as a violation. */
  /** The same of an admission of now. */
  #recordPlainly({ name, quotas }: CounterSpec, key: AccountKey, cost: number, now: number): boolean {
    const slot = this.table.find(counterName(name), key, now);
    if (slot < 0 || !this.#plain.suits(slot, quotas)) return false;
    // What has passed is dropped where it is asked how full the windows are.
    this.#plain.fits(slot, quotas, 0, now, 0);
    this.#plain.admit(slot, quotas, cost, now, 0);
    return true;
  }

  #consumeThrottling(
    counters: readonly CounterSpec[],
    throttle: Throttle,
    key: AccountKey,
    cost: number,
    now: number,
  ): void {
    const outcome = this.#outcome;
    const counter = counters[0]!;
    const slot = this.#slots[0];
    const endsAt = this.#throttledUntil(0, counter.name, key, now);
    const throttledMs = endsAt - now;
    outcome.throttledMs = throttledMs > 0 ? [throttledMs] : NONE_THROTTLED[1];
    const fits =
      throttledMs > 0
        ? this.#charges.fits(slot, counter.quotas, cost, now, 0, throttle, endsAt)
        : this.#plain.fits(slot, counter.quotas, cost, now, 0);
    if (fits) {
      if (cost === 0) return;
      if (throttledMs > 0) this.#charges.admit(slot, counter, cost, now, 0, throttledMs);
      else this.#plain.admit(slot, counter.quotas, cost, now, 0);
    } else if (this.violations.count(this.#slots[2], counter, throttle, key, now, this.#slots)) {
      this.#decide(key, counters, cost, now);
      outcome.beganThrottling = true;
    }
  }

  /** Whether the charge fits, and how full every quota is. Leaves slots in `#slots`, and writes nothing. */
  #decide(key: AccountKey, counters: readonly CounterSpec[], cost: number, now: number): PassingOutcome {
    const { table } = this;
    const outcome = this.#outcome;
    begin(outcome, now, table.births, -1);
    this.#slots[0] = -1;
    this.#slots[1] = -1;
    this.#slots[2] = -1;
    this.#slots[3] = -1;
    let answered = 0;
    for (let index = 0; index < counters.length; index++) {
      const { name, quotas, throttle } = counters[index]!;
      const slot = table.find(counterName(name), key, now);
      this.#slots[index as 0] = slot;
      let endsAt = 0;
      if (throttle !== undefined) {
        endsAt = this.#throttledUntil(index, name, key, now);
        outcome.throttledMs ??= NONE_THROTTLED[counters.length]!;
        if (endsAt > now) outcome.throttledMs = outcome.throttledMs.with(index, endsAt - now);
      }
      const isPlain = endsAt <= now && slot >= 0 && this.#plain.suits(slot, quotas);
      this.#isPlain[index as 0] = isPlain;
      this.#hasRoom[index as 0] = isPlain
        ? this.#plain.fits(slot, quotas, cost, now, answered)
        : this.#charges.fits(slot, quotas, cost, now, answered, endsAt > now ? throttle : undefined, endsAt);
      answered += quotas.length;
    }
    outcome.slot = this.#slots[0];
    return outcome;
  }

  /** Until when the charge's counter of that place is throttled; now if it is not. */
  #throttledUntil(index: number, name: string, key: AccountKey, now: number): number {
    const slot = this.violations.find(name, key, now);
    this.#slots[(2 + index) as 2] = slot;
    return Math.max(now, this.violations.endsAt(slot));
  }

  /** Counts a violation on each counter that had no room for the charge at hand; whether that throttles one. */
  #violate(key: AccountKey, counters: readonly CounterSpec[], now: number): boolean {
    let began = false;
    for (let index = 0; index < counters.length; index++) {
      const counter = counters[index]!;
      if (counter.throttle === undefined || this.#hasRoom[index as 0]) continue;
      const slot = this.#slots[(2 + index) as 2];
      if (this.violations.count(slot, counter, counter.throttle, key, now, this.#slots)) began = true;
    }
    return began;
  }

  #admit(key: AccountKey, counters: readonly CounterSpec[], cost: number, outcome: PassingOutcome): void {
    const { table } = this;
    const { now } = outcome;
    let answered = 0;
    for (let index = 0; index < counters.length; index++) {
      const counter = counters[index]!;
      const { name, quotas } = counter;
      let slot = this.#slots[index]!;
      if (this.#isPlain[index as 0]) {
        this.#plain.admit(slot, quotas, cost, now, answered);
        answered += quotas.length;
        continue;
      }
      if (slot < 0) {
        slot = table.create(counterName(name), key, now, now + quotas[0]!.windowMs, this.#slots);
        openWindows(table, slot, quotas);
        this.#slots[index as 0] = slot;
      } else if (!windowsFit(table, slot, quotas, now)) {
        arrangeWindows(table, slot, quotas, now);
      }
      this.#charges.admit(slot, counter, cost, now, answered, outcome.throttledMs?.[index]);
      answered += quotas.length;
    }
    outcome.token = table.births;
    outcome.slot = this.#slots[0];
  }
}

/** What is said of so many counters of which none is throttled: one array for all, since nobody writes to it. */
const NONE_THROTTLED: readonly (readonly number[])[] = [[], [0], [0, 0]];
