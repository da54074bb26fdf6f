import type { Quota } from '../store/index.js';
import type { CounterTable } from './counter-table.js';
import { MAX_RUN } from './window-records.js';

/**
 * Which windows a counter holds. Its run begins with one window for each quota of the latest admitted charge, in their
 * order; behind them stand windows that earlier charges asked for and that still count something.
 */

/** The counter's window of that length, or −1; `at` is where to look first. */
export function findWindow(table: CounterTable, slot: number, at: number, windowMs: number): number {
  const { windows } = table;
  const first = table.firstWindow(slot);
  const count = table.windowCount(slot);
  if (at < count && windows.windowMs(first + at) === windowMs) return first + at;
  for (let window = first; window < first + count; window++) {
    if (windows.windowMs(window) === windowMs) return window;
  }
  return -1;
}

/** Whether the run begins with the windows that the quotas need, and holds nothing behind them that has emptied. */
export function windowsFit(table: CounterTable, slot: number, quotas: readonly Quota[], now: number): boolean {
  const { windows } = table;
  const first = table.firstWindow(slot);
  const count = table.windowCount(slot);
  if (count < quotas.length) return false;
  for (let at = 0; at < count; at++) {
    const quota = quotas[at];
    const fits =
      quota === undefined ? windows.used(first + at, now) > 0 : windows.windowMs(first + at) === quota.windowMs;
    if (!fits) return false;
  }
  return true;
}

/** The length of the counter's longest window. */
export function longestWindowMs(table: CounterTable, slot: number): number {
  const first = table.firstWindow(slot);
  let longestMs = 0;
  for (let window = first; window < first + table.windowCount(slot); window++) {
    longestMs = Math.max(longestMs, table.windows.windowMs(window));
  }
  return longestMs;
}

/** Gives a new counter its windows, empty. */
export function openWindows(table: CounterTable, slot: number, quotas: readonly Quota[]): void {
  const first = table.addWindows(slot, quotas.length);
  for (let at = 0; at < quotas.length; at++) table.windows.open(first + at, quotas[at]!.windowMs);
}

/** A window that answers as the counter would if it had one of that length; whoever borrows it gives it back. */
export function lendWindow(table: CounterTable, slot: number, windowMs: number, now: number): number {
  const window = table.windows.allocate(1);
  copyWindow(table, slot, window, windowMs, now);
  return window;
}

/** Makes the counter's run match the quotas, keeping what else still counts. Windows that stay are moved, not copied. */
export function arrangeWindows(table: CounterTable, slot: number, quotas: readonly Quota[], now: number): void {
  const { windows } = table;
  const lengths = quotas.map((quota) => quota.windowMs);
  const spare: number[] = [];
  const longest = longestWindowMs(table, slot);
  const first = table.firstWindow(slot);
  for (let window = first; window < first + table.windowCount(slot); window++) {
    const windowMs = windows.windowMs(window);
    if (!lengths.includes(windowMs) && windows.used(window, now) > 0) spare.push(windowMs);
  }
  spare.sort((a, b) => b - a);
  const all = [...lengths, ...spare].slice(0, MAX_RUN);

  const run = windows.allocate(all.length);
  for (const [at, windowMs] of all.entries()) {
    if (findWindow(table, slot, at, windowMs) < 0) copyWindow(table, slot, run + at, windowMs, now);
  }
  for (const [at, windowMs] of all.entries()) {
    const own = findWindow(table, slot, at, windowMs);
    if (own >= 0) windows.move(own, run + at);
  }
  table.removeWindows(slot);
  const place = table.addWindows(slot, all.length);
  for (let at = 0; at < all.length; at++) windows.move(run + at, place + at);
  windows.free(run, all.length);
  // A window longer than all before does not hold what its counter admitted earlier, so none of that can be refunded.
  if (all.some((windowMs) => windowMs > longest)) table.setBirth(slot);
}

/** Opens a window with what the counter knows of its length. */
function copyWindow(table: CounterTable, slot: number, window: number, windowMs: number, now: number): void {
  const { windows } = table;
  const source = sourceWindow(table, slot, windowMs);
  windows.open(window, windowMs);
  windows.setLimit(window, windows.limit(source));
  windows.copy(source, window, now);
}

/** The counter's narrowest window that is longer, else its longest. */
function sourceWindow(table: CounterTable, slot: number, windowMs: number): number {
  const { windows } = table;
  const first = table.firstWindow(slot);
  let source = first;
  for (let window = first + 1; window < first + table.windowCount(slot); window++) {
    const candidate = windows.windowMs(window);
    const best = windows.windowMs(source);
    if (best < windowMs ? candidate > best : candidate >= windowMs && candidate < best) source = window;
  }
  return source;
}
