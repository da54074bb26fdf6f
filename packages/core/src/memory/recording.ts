import { type CounterSpec, longestMsOf, type Quota } from '../store/index.js';
import type { AccountKey } from './account-key.js';
import type { CounterTable } from './counter-table.js';
import { counterName } from './stored-names.js';
import { arrangeWindows, longestWindowMs, openWindows, windowsFit } from './windows.js';

/** How finely a window is remembered that the present charge's quotas do not ask for. */
export const SPARE_SLICES = 128;

/**
 * Counts an admission that was decided elsewhere, at the instant `at` or now, whatever the limits say: they were asked
 * where it was decided.
 */
export function recordPast(
  table: CounterTable,
  key: AccountKey,
  counters: readonly CounterSpec[],
  cost: number,
  now: number,
  at: number,
): void {
  for (let index = 0; index < counters.length; index++) {
    const { name, quotas } = counters[index]!;
    let slot = table.find(counterName(name), key, now);
    if (slot < 0) {
      const longestMs = longestMsOf(quotas);
      if (at <= now - longestMs) continue;
      // Room for one counter of the charge must not be made by giving up the other.
      const other = counters.length === 2 ? table.find(counterName(counters[1 - index]!.name), key, now) : -1;
      slot = table.create(counterName(name), key, now, at + longestMs, [other]);
      openWindows(table, slot, quotas);
    } else if (!windowsFit(table, slot, quotas, now)) {
      const before = longestWindowMs(table, slot);
      arrangeWindows(table, slot, quotas, now);
      // A longer window holds what was admitted later than `at`, and the counter must not go before that has left it.
      const growth = longestWindowMs(table, slot) - before;
      if (growth > 0) table.extend(slot, table.expiresAt(slot) + growth);
    }
    recordOn(table, slot, quotas, cost, now, at);
  }
}

function recordOn(
  table: CounterTable,
  slot: number,
  quotas: readonly Quota[],
  cost: number,
  now: number,
  at: number,
): void {
  const { windows } = table;
  const first = table.firstWindow(slot);
  let longestMs = 0;
  for (let index = 0; index < table.windowCount(slot); index++) {
    const window = first + index;
    const windowMs = windows.windowMs(window);
    longestMs = Math.max(longestMs, windowMs);
    const quota = quotas[index];
    if (quota === undefined) {
      windows.insert(window, now, at, cost, Math.ceil(windowMs / SPARE_SLICES), SPARE_SLICES + 1);
    } else {
      windows.setLimit(window, quota.limit);
      windows.insert(window, now, at, cost, quota.sliceMs, quota.maxSlices);
    }
  }
  table.extend(slot, at + longestMs);
}
