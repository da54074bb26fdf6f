import type { CounterSpec, Quota, Throttle } from '../store/index.js';
import type { CounterTable } from './counter-table.js';
import { SPARE_SLICES } from './recording.js';
import { fitsAt, soonest } from './room.js';
import type { PassingOutcome } from './scratch-outcome.js';
import { placeOf, WINDOW_WORDS } from './window-records.js';
import { findWindow, lendWindow } from './windows.js';

/**
 * A charge on one of its counters: whether it fits there, and its recording. What is found is written into the outcome at hand,
 * from its quota `answered` on.
 */
export class CounterCharges {
  readonly #table: CounterTable;
  readonly #outcome: PassingOutcome;

  constructor(table: CounterTable, outcome: PassingOutcome) {
    this.#table = table;
    this.#outcome = outcome;
  }

  /** Whether the cost fits on a counter, whatever windows it has, and whether or not it shrinks limits until `endsAt`. */
  fits(
    slot: number,
    quotas: readonly Quota[],
    cost: number,
    now: number,
    answered: number,
    shrinks: Throttle | undefined,
    endsAt: number,
  ): boolean {
    const table = this.#table;
    const { windows } = table;
    let everyFits = true;
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
        this.#refuse(fitsAt(windows, window, used, limit, cost, now, shrinks, endsAt));
        everyFits = false;
      }
      if (lent >= 0) windows.free(lent, 1);
    }
    return everyFits;
  }

  /** Records the charge in all windows of the counter, the first of which are those of its quotas. */
  admit(
    slot: number,
    counter: CounterSpec,
    cost: number,
    now: number,
    answered: number,
    throttledMs: number | undefined,
  ): void {
    const table = this.#table;
    const { windows } = table;
    const { used, resetAfterMs } = this.#outcome;
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
      const windowAt = place + at * WINDOW_WORDS;
      windows.setLimit(first + at, quota.limit);
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

  #refuse(roomAt: number): void {
    const outcome = this.#outcome;
    outcome.allowed = false;
    outcome.retryAfterMs = Math.max(outcome.retryAfterMs, roomAt - outcome.now);
  }
}
