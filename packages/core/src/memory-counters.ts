import type { Clock } from './clock.js';
import { CounterTable } from './counter-table.js';
import { arrangeWindows, findWindow, lendWindow, openWindows, windowsFit } from './counter-windows.js';
import { optionRangeError } from './errors.js';
import { boundedName, counterName } from './names.js';
import { SPARE_SLICES } from './past-charge.js';
import type { Quota } from './quota.js';
import { fitsAt, soonest } from './room.js';
import type { CounterSpec } from './store.js';
import type { Throttle } from './throttle.js';
import { Violations } from './violations.js';
import { placeOf, WINDOW_WORDS } from './window-records.js';

/**
 * The outcome of the charge at hand, as an `Outcome`. There is one for all charges, so that a charge allocates nothing: it
 * holds until the next one, and whoever keeps it copies it. Its arrays may be longer than there are quotas.
 */
export interface PassingOutcome {
  allowed: boolean;
  now: number;
  readonly used: number[];
  readonly resetAfterMs: number[];
  retryAfterMs: number;
  throttledMs: number[] | undefined;
  beganThrottling: boolean;
  token: number;
  /** Where the first counter is now; −1 if it is not. */
  slot: number;
}

/** Decides charges on the counters of a table, each in one synchronous step. */
export class MemoryCounters {
  readonly table: CounterTable;
  readonly violations: Violations;
  readonly #clock: Clock;
  readonly #outcome: PassingOutcome = {
    allowed: true,
    now: 0,
    used: zeros(MOST_QUOTAS),
    resetAfterMs: zeros(MOST_QUOTAS),
    retryAfterMs: 0,
    throttledMs: undefined,
    beganThrottling: false,
    token: 0,
    slot: -1,
  };
  /** Of the charge at hand: the slots of its counters, and those of their violations. */
  readonly #slots: [number, number, number, number] = [-1, -1, -1, -1];
  readonly #hasRoom: [boolean, boolean] = [true, true];
  /** Whether the counter's windows are just those of its quotas, in their order. */
  readonly #isPlain: [boolean, boolean] = [true, true];
  #now = 0;

  constructor(maxCounters: number, clock: Clock) {
    this.table = new CounterTable(maxCounters);
    this.violations = new Violations(this.table);
    this.#clock = clock;
  }

  /** As {@link Store.consume}. */
  consume(account: string, counters: readonly CounterSpec[], cost: number): PassingOutcome {
    const now = this.tick();
    this.table.reclaim(now);
    const key = boundedName(account);
    const outcome = this.#decide(key, counters, cost, now);
    if (outcome.allowed) {
      if (cost > 0) this.#admit(key, counters, cost, outcome);
    } else if (this.#violate(key, counters, now)) {
      this.#decide(key, counters, cost, now);
      outcome.beganThrottling = true;
    }
    return outcome;
  }

  /** As {@link Store.peek}. */
  peek(account: string, counters: readonly CounterSpec[], cost: number): PassingOutcome {
    return this.#decide(boundedName(account), counters, cost, this.tick());
  }

  /** The clock in whole milliseconds, held at its latest instant when it steps back. */
  tick(): number {
    const instant = this.#clock();
    if (!Number.isFinite(instant)) throw optionRangeError('clock', 'a clock that tells finite milliseconds', instant);
    const now = Math.floor(instant);
    if (now > this.#now) this.#now = now;
    return this.#now;
  }

  /** Whether the charge fits, and how full every quota is. Leaves slots in `#slots`, and writes nothing. */
  #decide(key: string, counters: readonly CounterSpec[], cost: number, now: number): PassingOutcome {
    const outcome = this.#outcome;
    outcome.allowed = true;
    outcome.now = now;
    outcome.retryAfterMs = 0;
    outcome.throttledMs = undefined;
    outcome.beganThrottling = false;
    outcome.token = this.table.births;
    this.#slots[0] = -1;
    this.#slots[1] = -1;
    this.#slots[2] = -1;
    this.#slots[3] = -1;
    let answered = 0;
    for (let index = 0; index < counters.length; index++) {
      const { name, quotas, throttle } = counters[index]!;
      const slot = this.table.find(counterName(name), key, now);
      this.#slots[index as 0] = slot;
      this.#hasRoom[index as 0] = true;
      const isPlain = slot >= 0 && this.table.hasWindows(slot, quotas);
      this.#isPlain[index as 0] = isPlain;
      let endsAt = 0;
      if (throttle !== undefined) {
        endsAt = this.#throttledUntil(index, name, key, now);
        outcome.throttledMs ??= zeros(counters.length);
        outcome.throttledMs[index] = endsAt - now;
      }
      const shrinks = endsAt > now ? throttle : undefined;
      if (isPlain && shrinks === undefined) this.#askPlain(index, slot, quotas, cost, now, answered);
      else this.#ask(index, slot, quotas, cost, now, answered, shrinks, endsAt);
      answered += quotas.length;
    }
    outcome.slot = this.#slots[0];
    return outcome;
  }

  /** Whether the cost fits on a counter whose windows are those of the quotas, and whose limits hold: nearly all are so. */
  #askPlain(index: number, slot: number, quotas: readonly Quota[], cost: number, now: number, answered: number): void {
    const { windows } = this.table;
    const { used: useds, resetAfterMs } = this.#outcome;
    const first = this.table.firstWindow(slot);
    const words = windows.records.words(first);
    const numbers = windows.records.numbers(first);
    const place = placeOf(first);
    for (let at = 0; at < quotas.length; at++) {
      const { limit } = quotas[at]!;
      const used = windows.usedAt(words, numbers, place + at * WINDOW_WORDS, now);
      useds[answered + at] = used;
      if (used === 0) resetAfterMs[answered + at] = 0;
      else if (used <= limit) resetAfterMs[answered + at] = windows.oldestLeavesAt(first + at) - now;
      else resetAfterMs[answered + at] = limit === 0 ? 0 : windows.fitsAt(first + at, used, limit, 1, now) - now;
      if (used + cost > limit && cost > 0) this.#refuse(index, windows.fitsAt(first + at, used, limit, cost, now));
    }
  }

  /** Whether the cost fits on a counter, whatever windows it has, and whether or not it shrinks limits until `endsAt`. */
  #ask(
    index: number,
    slot: number,
    quotas: readonly Quota[],
    cost: number,
    now: number,
    answered: number,
    shrinks: Throttle | undefined,
    endsAt: number,
  ): void {
    const { table } = this;
    const { windows } = table;
    for (let at = 0; at < quotas.length; at++) {
      const { limit, windowMs } = quotas[at]!;
      const own = slot < 0 ? -1 : findWindow(table, slot, at, windowMs);
      const lent = own < 0 && slot >= 0 ? lendWindow(table, slot, windowMs, now) : -1;
      const window = Math.max(own, lent);
      const used = window < 0 ? 0 : windows.used(window, now);
      const shrunk = shrinks === undefined ? limit : shrinks.limitOf(limit);
      let resetAfterMs = 0;
      if (used > 0 && used <= limit && shrinks === undefined) {
        resetAfterMs = windows.oldestLeavesAt(window) - now;
      } else if (used > 0 || shrinks !== undefined) {
        const units = Math.max(0, shrunk - used) + 1;
        const growsAt = fitsAt(windows, window, used, limit, units, now, shrinks, endsAt);
        resetAfterMs = growsAt === Number.POSITIVE_INFINITY ? 0 : growsAt - now;
      }
      this.#outcome.used[answered + at] = used;
      this.#outcome.resetAfterMs[answered + at] = resetAfterMs;
      if (used + cost > shrunk && cost > 0) {
        this.#refuse(index, fitsAt(windows, window, used, limit, cost, now, shrinks, endsAt));
      }
      if (lent >= 0) windows.free(lent, 1);
    }
  }

  #refuse(index: number, roomAt: number): void {
    const outcome = this.#outcome;
    outcome.allowed = false;
    outcome.retryAfterMs = Math.max(outcome.retryAfterMs, roomAt - outcome.now);
    this.#hasRoom[index as 0] = false;
  }

  /** Until when the charge's counter of that place is throttled; now if it is not. */
  #throttledUntil(index: number, name: string, key: string, now: number): number {
    const slot = this.violations.find(name, key, now);
    this.#slots[(2 + index) as 2] = slot;
    return Math.max(now, this.violations.endsAt(slot));
  }

  /** Counts a violation on each counter that had no room for the charge at hand; whether that throttles one. */
  #violate(key: string, counters: readonly CounterSpec[], now: number): boolean {
    let began = false;
    for (let index = 0; index < counters.length; index++) {
      const counter = counters[index]!;
      if (counter.throttle === undefined || this.#hasRoom[index as 0]) continue;
      const slot = this.#slots[(2 + index) as 2];
      if (this.violations.count(slot, counter, counter.throttle, key, now, this.#slots)) began = true;
    }
    return began;
  }

  #admit(key: string, counters: readonly CounterSpec[], cost: number, outcome: PassingOutcome): void {
    const { table } = this;
    const { now } = outcome;
    let answered = 0;
    for (let index = 0; index < counters.length; index++) {
      const counter = counters[index]!;
      const { name, quotas } = counter;
      let slot = this.#slots[index]!;
      if (slot < 0) {
        slot = table.create(counterName(name), key, now, now + quotas[0]!.windowMs, this.#slots);
        openWindows(table, slot, quotas);
        this.#slots[index as 0] = slot;
      } else if (!this.#isPlain[index as 0] && !windowsFit(table, slot, quotas, now)) {
        arrangeWindows(table, slot, quotas, now);
      }
      this.#admitOn(slot, counter, cost, outcome, answered, outcome.throttledMs?.[index]);
      answered += quotas.length;
    }
    outcome.token = table.births;
    outcome.slot = this.#slots[0];
  }

  #admitOn(
    slot: number,
    counter: CounterSpec,
    cost: number,
    { now, used, resetAfterMs }: PassingOutcome,
    answered: number,
    throttledMs: number | undefined,
  ): void {
    const { table } = this;
    const { windows } = table;
    const { quotas } = counter;
    const first = table.firstWindow(slot);
    const words = windows.records.words(first);
    const numbers = windows.records.numbers(first);
    const place = placeOf(first);
    const count = table.windowCount(slot);
    let longestMs = 0;
    for (let at = 0; at < quotas.length; at++) {
      const quota = quotas[at]!;
      const { windowMs } = quota;
      if (windowMs > longestMs) longestMs = windowMs;
      windows.setLimit(first + at, quota.limit);
      const windowAt = place + at * WINDOW_WORDS;
      const slices = windows.admitAt(words, numbers, windowAt, now, cost, quota.sliceMs, quota.maxSlices);
      used[answered + at] = used[answered + at]! + cost;
      // With more than one slice, the oldest is the one that was there before.
      if (slices === 1) resetAfterMs[answered + at] = soonest(counter, quota, throttledMs);
    }
    for (let window = first + quotas.length; window < first + count; window++) {
      const windowMs = windows.windowMs(window);
      if (windowMs > longestMs) longestMs = windowMs;
      windows.admit(window, now, cost, Math.ceil(windowMs / SPARE_SLICES), SPARE_SLICES + 1);
    }
    table.extend(slot, now + longestMs);
  }
}

/** Of one charge: two counters of eight quotas each. */
const MOST_QUOTAS = 16;

/** Made at its full length at once, an array takes a fraction of the memory of one that grows. */
export function zeros(length: number): number[] {
  switch (length) {
    case 1:
      return [0];
    case 2:
      return [0, 0];
    default:
      return new Array<number>(length).fill(0);
  }
}
