import type { Quota } from '../store/index.js';
import { type CounterTable, EXPIRES_AT, WINDOW_COUNT } from './counter-table.js';
import type { PassingOutcome } from './scratch-outcome.js';
import { AGE, LIMIT, WINDOW_MS } from './slices.js';
import { counterPlaceOf, HEADER_WORDS, OWN_WINDOWS, ownWindow, WINDOW_WORDS } from './window-records.js';

/**
 * A charge on a counter as nearly all are: one that has just the windows of the charge's quotas, in its own record, and whose
 * limits hold as they are. All that is read and written lies in the record, whose place is worked out once. The answers are
 * those of `CounterCharges`, written into the outcome at hand from its quota `answered` on.
 */
export class PlainCharges {
  readonly #windows: CounterTable['windows'];
  readonly #records: CounterTable['windows']['records']['counters'];
  readonly #outcome: PassingOutcome;

  constructor({ windows }: CounterTable, outcome: PassingOutcome) {
    this.#windows = windows;
    this.#records = windows.records.counters;
    this.#outcome = outcome;
  }

  /** Whether the counter's windows are just those of the quotas, in their order and in its record. */
  suits(slot: number, quotas: readonly Quota[]): boolean {
    const words = this.#records.words(slot);
    const place = counterPlaceOf(slot);
    const count = quotas.length;
    if (count > OWN_WINDOWS || words[place + WINDOW_COUNT] !== count) return false;
    for (let at = 0; at < count; at++) {
      if (words[place + HEADER_WORDS + at * WINDOW_WORDS + WINDOW_MS] !== quotas[at]!.windowMs) return false;
    }
    return true;
  }

  /** Whether the cost fits; how full each window is. */
  fits(slot: number, quotas: readonly Quota[], cost: number, now: number, answered: number): boolean {
    const outcome = this.#outcome;
    const words = this.#records.words(slot);
    const numbers = this.#records.numbers(slot);
    const place = counterPlaceOf(slot) + HEADER_WORDS;
    let fits = true;
    for (let at = 0; at < quotas.length; at++) {
      const { limit } = quotas[at]!;
      const window = place + at * WINDOW_WORDS;
      const used = this.#windows.usedAt(words, numbers, window, now);
      outcome.used[answered + at] = used;
      if (used === 0) outcome.resetAfterMs[answered + at] = 0;
      else if (used > limit)
        outcome.resetAfterMs[answered + at] = this.#growsAfterMs(ownWindow(slot) + at, used, limit, now);
      else
        outcome.resetAfterMs[answered + at] =
          numbers[window >>> 1]! - words[window + AGE]! + words[window + WINDOW_MS]! - now;
      if (used + cost > limit && cost > 0) {
        this.#refuse(ownWindow(slot) + at, used, limit, cost, now);
        fits = false;
      }
    }
    return fits;
  }

  /** Records a charge that fits. */
  admit(slot: number, quotas: readonly Quota[], cost: number, now: number, answered: number): void {
    const { used, resetAfterMs } = this.#outcome;
    const words = this.#records.words(slot);
    const numbers = this.#records.numbers(slot);
    const place = counterPlaceOf(slot);
    let longestMs = 0;
    for (let at = 0; at < quotas.length; at++) {
      const quota = quotas[at]!;
      const { windowMs } = quota;
      const window = place + HEADER_WORDS + at * WINDOW_WORDS;
      if (windowMs > longestMs) longestMs = windowMs;
      words[window + LIMIT] = quota.limit;
      const slices = this.#windows.admitAt(words, numbers, window, now, cost, quota.sliceMs, quota.maxSlices);
      used[answered + at] = used[answered + at]! + cost;
      // With more than one slice, the oldest is the one that was there before.
      if (slices === 1) resetAfterMs[answered + at] = windowMs;
    }
    const expiresAt = (place >>> 1) + EXPIRES_AT;
    if (now + longestMs > numbers[expiresAt]!) numbers[expiresAt] = now + longestMs;
  }

  #growsAfterMs(window: number, used: number, limit: number, now: number): number {
    return limit === 0 ? 0 : this.#windows.fitsAt(window, used, limit, 1, now) - now;
  }

  #refuse(window: number, used: number, limit: number, cost: number, now: number): void {
    const outcome = this.#outcome;
    outcome.allowed = false;
    const afterMs = this.#windows.fitsAt(window, used, limit, cost, now) - now;
    if (afterMs > outcome.retryAfterMs) outcome.retryAfterMs = afterMs;
  }
}
