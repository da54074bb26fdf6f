import type { Clock } from '../clock.js';
import { optionRangeError } from '../errors.js';
import { type CounterSpec, longestMsOf } from '../store/index.js';
import { Charging } from './charging.js';
import { resetOutcome, type ScratchOutcome, scratchOutcome } from './scratch-outcome.js';
import { storedName } from './stored-names.js';
import { type AccountKey, CounterTable, openWindows } from './table/index.js';
import { Violations } from './violations.js';

/** Decides charges on the counters of a table, each in one synchronous step. */
export class Counters {
  readonly table: CounterTable;
  readonly violations: Violations;
  readonly #clock: Clock;
  readonly #outcome: ScratchOutcome = scratchOutcome();
  /** One for each counter of a charge. */
  readonly #chargings: readonly Charging[];
  #now = 0;

  constructor(maxCounters: number, clock: Clock) {
    this.table = new CounterTable(maxCounters);
    this.violations = new Violations(this.table);
    this.#chargings = [new Charging(this.table, this.#outcome), new Charging(this.table, this.#outcome)];
    this.#clock = clock;
  }

  /** As {@link Store.consume}. */
  consume(account: string, counters: readonly CounterSpec[], cost: number): ScratchOutcome {
    const now = this.tick();
    this.table.reclaim(now);
    const key = this.table.keyOf(account);
    const outcome = this.#decide(key, counters, cost, now);
    if (outcome.allowed) {
      if (cost > 0) this.#admit(key, counters, cost, now);
    } else if (this.#violate(key, counters, now)) {
      this.#decide(key, counters, cost, now);
      outcome.beganThrottling = true;
    }
    return outcome;
  }

  /** As {@link Store.peek}. */
  peek(account: string, counters: readonly CounterSpec[], cost: number): ScratchOutcome {
    const now = this.tick();
    return this.#decide(this.table.keyOf(account), counters, cost, now);
  }

  /** As {@link Store.record}. Of the outcome, only `now` and `token` are valid. */
  record(account: string, counters: readonly CounterSpec[], cost: number, agoMs: number): ScratchOutcome {
    const now = this.tick();
    this.table.reclaim(now);
    const key = this.table.keyOf(account);
    for (let index = 0; index < counters.length; index++) {
      const charging = this.#chargings[index]!;
      charging.slot = this.table.find(storedName(counters[index]!.name), key, now);
      charging.violationsSlot = -1;
    }
    for (let index = 0; index < counters.length; index++) {
      const counter = counters[index]!;
      const charging = this.#chargings[index]!;
      const expiresAt = now - agoMs + longestMsOf(counter.quotas);
      if (cost === 0 || (charging.slot < 0 && expiresAt <= now)) continue;
      if (charging.slot < 0) charging.slot = this.#begin(key, counters, index, now, expiresAt);
      charging.record(counter, cost, now, now - agoMs);
    }
    resetOutcome(this.#outcome, now, this.table.births);
    return this.#outcome;
  }

  /** The clock in whole milliseconds. A clock that steps back stays at its latest instant. */
  tick(): number {
    const instant = this.#clock();
    if (!Number.isFinite(instant)) throw optionRangeError('clock', 'a clock that returns finite milliseconds', instant);
    const now = Math.floor(instant);
    if (now > this.#now) this.#now = now;
    return this.#now;
  }

  /** Whether the charge fits, and how full every quota is. Writes nothing in the table. */
  #decide(key: AccountKey, counters: readonly CounterSpec[], cost: number, now: number): ScratchOutcome {
    const { table } = this;
    const outcome = this.#outcome;
    resetOutcome(outcome, now, table.births);
    let offset = 0;
    for (let index = 0; index < counters.length; index++) {
      const counter = counters[index]!;
      const { name, throttle } = counter;
      const charging = this.#chargings[index]!;
      charging.slot = table.find(storedName(name), key, now);
      charging.violationsSlot = throttle === undefined ? -1 : this.violations.find(name, key, now);
      if (throttle !== undefined) outcome.throttledMs ??= NONE_THROTTLED[counters.length]!;
      const throttledMs = charging.violationsSlot < 0 ? 0 : this.#throttledMs(charging.violationsSlot, index, now);
      charging.decide(counter, cost, now, offset, throttledMs);
      offset += counter.quotas.length;
    }
    return outcome;
  }

  /** Milliseconds until a throttling ends, 0 if it has ended. Writes them to the outcome. */
  #throttledMs(violationsSlot: number, index: number, now: number): number {
    const throttledMs = Math.max(0, this.violations.endsAt(violationsSlot) - now);
    if (throttledMs > 0) this.#outcome.throttledMs = this.#outcome.throttledMs!.with(index, throttledMs);
    return throttledMs;
  }

  #admit(key: AccountKey, counters: readonly CounterSpec[], cost: number, now: number): void {
    const outcome = this.#outcome;
    for (let index = 0; index < counters.length; index++) {
      const counter = counters[index]!;
      const charging = this.#chargings[index]!;
      if (charging.slot < 0) {
        charging.slot = this.#begin(key, counters, index, now, now + counter.quotas[0]!.windowMs);
      }
      charging.admit(counter, cost, now, outcome.throttledMs?.[index] ?? 0);
    }
    outcome.token = this.table.births;
  }

  /** Creates a counter. The slots of the charge do not evict each other. */
  #begin(key: AccountKey, counters: readonly CounterSpec[], index: number, now: number, expiresAt: number): number {
    const { name, quotas } = counters[index]!;
    const slot = this.table.create(storedName(name), key, now, expiresAt, this.#pinned(counters));
    openWindows(this.table, slot, quotas);
    return slot;
  }

  #pinned(counters: readonly CounterSpec[]): number[] {
    return counters.flatMap((_, index) => [this.#chargings[index]!.slot, this.#chargings[index]!.violationsSlot]);
  }

  /** Counts a violation on each counter that the charge does not fit on. Returns whether a throttling began. */
  #violate(key: AccountKey, counters: readonly CounterSpec[], now: number): boolean {
    let began = false;
    for (let index = 0; index < counters.length; index++) {
      const counter = counters[index]!;
      if (counter.throttle === undefined) continue;
      const { fits, violationsSlot } = this.#chargings[index]!;
      if (fits) continue;
      const slot =
        violationsSlot >= 0
          ? violationsSlot
          : this.violations.begin(counter.name, counter.throttle, key, now, this.#pinned(counters));
      if (this.violations.count(slot, counter.throttle, now)) began = true;
    }
    return began;
  }
}

/** By number of counters, so that all unthrottled charges share one array. */
const NONE_THROTTLED: readonly (readonly number[])[] = [[], [0], [0, 0]];
