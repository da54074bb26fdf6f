import type { CounterSpec, Throttle } from '../store/index.js';
import type { AccountKey } from './account-key.js';
import type { CounterTable, Throttling } from './counter-table.js';
import { violationsName } from './stored-names.js';
import { openWindows } from './windows.js';

/**
 * The violations of counters in a table, and what throttling they have led to. Each counter that has any has a record of its
 * own beside it: a slot whose one window holds the violations. A window keeps no more of them than can still matter.
 */
export class Violations {
  readonly #table: CounterTable;

  constructor(table: CounterTable) {
    this.#table = table;
  }

  /** The slot of the counter's violations, or −1. */
  find(name: string, account: AccountKey, now: number): number {
    return this.#table.find(violationsName(name), account, now);
  }

  /** When the throttling ends or ended that the slot's violations have led to; 0 if they have led to none. */
  endsAt(slot: number): number {
    return slot < 0 ? 0 : (this.#table.throttlings.get(slot)?.endsAt ?? 0);
  }

  /** Counts a violation, and tells whether a throttling began with it. The slots `pinned` stay. */
  count(
    slot: number,
    { name }: CounterSpec,
    throttle: Throttle,
    account: AccountKey,
    now: number,
    pinned: readonly number[],
  ): boolean {
    const { afterViolations, withinMs, violations } = throttle;
    const { windows, throttlings } = this.#table;
    const own = slot < 0 ? this.#begin(name, throttle, account, now, pinned) : slot;
    const window = this.#table.firstWindow(own);
    windows.setWindowMs(window, withinMs);
    windows.used(window, now);
    windows.trim(window, afterViolations - 1);
    windows.admit(window, now, 1, violations.sliceMs, violations.maxSlices + 1);
    this.#table.extend(own, now + withinMs);

    const last = throttlings.get(own);
    if (last !== undefined && last.endsAt > now) return false;
    if (windows.used(window, now) < afterViolations) return false;
    const durationMs = throttle.durationMs(now, last?.endsAt ?? 0, last?.durationMs ?? 0);
    this.#throttle(own, { endsAt: now + durationMs, durationMs }, throttle);
    return true;
  }

  /** Throttles the counter as another store has; with 0, it is not throttled there. */
  follow({ name, throttle }: CounterSpec, account: AccountKey, now: number, throttledMs: number): void {
    if (throttle === undefined) return;
    const slot = this.find(name, account, now);
    if (throttledMs === 0) {
      if (this.endsAt(slot) > now) this.#table.remove(slot);
      return;
    }
    const own = slot < 0 ? this.#begin(name, throttle, account, now, []) : slot;
    this.#throttle(own, { endsAt: now + throttledMs, durationMs: throttledMs }, throttle);
  }

  #begin(name: string, throttle: Throttle, account: AccountKey, now: number, pinned: readonly number[]): number {
    const slot = this.#table.create(violationsName(name), account, now, now + throttle.withinMs, pinned);
    openWindows(this.#table, slot, [throttle.violations]);
    this.#table.windows.setLimit(this.#table.firstWindow(slot), throttle.afterViolations);
    return slot;
  }

  #throttle(slot: number, throttling: Throttling, throttle: Throttle): void {
    this.#table.throttlings.set(slot, throttling);
    this.#table.extend(slot, throttling.endsAt + throttle.rememberedMs);
  }
}
