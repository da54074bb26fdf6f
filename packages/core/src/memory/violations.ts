import type { Throttle } from '../store/index.js';
import { LIMIT, WINDOW_MS } from './record-layout.js';
import type { StoredKey } from './stored-key.js';
import { violationsName } from './stored-names.js';
import { type CounterTable, openWindows, type Pinned, type Throttling } from './table/index.js';

/**
 * The violations of counters, and the throttlings that follow. A counter with violations has a second slot, whose one
 * window counts them. That window keeps no more violations than can still matter.
 */
export class Violations {
  readonly #table: CounterTable;

  constructor(table: CounterTable) {
    this.#table = table;
  }

  /** The slot of the counter's violations, or −1. */
  find({ name, key }: StoredKey, now: number): number {
    return this.#table.find(violationsName(name), key, now);
  }

  /** When the latest throttling of the counter ends or ended; 0 for none. */
  endsAt(slot: number): number {
    return slot < 0 ? 0 : (this.#table.throttlings.get(slot)?.endsAt ?? 0);
  }

  /** Begins to count violations. What is pinned is not evicted. */
  begin({ name, key }: StoredKey, throttle: Throttle, now: number, pinned: Pinned): number {
    const slot = this.#table.create(violationsName(name), key, now, now + throttle.withinMs, pinned);
    openWindows(this.#table, slot, [throttle.violations]);
    this.#table.windows.setWord(this.#table.firstWindow(slot), LIMIT, throttle.afterViolations);
    return slot;
  }

  /** Counts a violation, and returns whether a throttling began. */
  count(slot: number, throttle: Throttle, now: number): boolean {
    const { afterViolations, withinMs, violations } = throttle;
    const { windows, throttlings } = this.#table;
    const window = this.#table.firstWindow(slot);
    windows.setWord(window, WINDOW_MS, withinMs);
    windows.used(window, now);
    windows.trim(window, afterViolations - 1);
    windows.admit(window, now, 1, violations.sliceMs, violations.maxSlices + 1);
    this.#table.extend(slot, now + withinMs);

    const last = throttlings.get(slot);
    if (last !== undefined && last.endsAt > now) return false;
    if (windows.used(window, now) < afterViolations) return false;
    const durationMs = throttle.durationMs(now, last?.endsAt ?? 0, last?.durationMs ?? 0);
    this.#throttle(slot, { endsAt: now + durationMs, durationMs }, throttle);
    return true;
  }

  /** Throttles the counter as another store does; `throttledMs` of 0 ends its throttling. */
  follow(counter: StoredKey, throttle: Throttle, now: number, throttledMs: number): void {
    const slot = this.find(counter, now);
    if (throttledMs === 0) {
      if (this.endsAt(slot) > now) this.#table.remove(slot);
      return;
    }
    const own = slot < 0 ? this.begin(counter, throttle, now, NONE_PINNED) : slot;
    this.#throttle(own, { endsAt: now + throttledMs, durationMs: throttledMs }, throttle);
  }

  #throttle(slot: number, throttling: Throttling, throttle: Throttle): void {
    this.#table.throttlings.set(slot, throttling);
    this.#table.extend(slot, throttling.endsAt + throttle.rememberedMs);
  }
}

const NONE_PINNED: Pinned = { has: () => false };
