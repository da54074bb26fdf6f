import type { CounterTable } from './counter-table.js';
import type { Quota } from './quota.js';
import { MAX_RUN } from './sliding-window.js';

/**
 * Which windows a counter holds. Its run begins with one window for each quota of the latest admitted charge, in their
 * order; behind them stand windows that earlier charges asked for and that still count something.
 */

/** Whether the counter's run begins with exactly the windows that the quotas need. */
export function windowsMatch(table: CounterTable, slot: number, quotas: readonly Quota[]): boolean {
  if (table.windowCount(slot) < quotas.length) return false;
  const first = table.firstWindow(slot);
  for (let at = 0; at < quotas.length; at++) {
    if (table.windows.windowMs(first + at) !== quotas[at]!.windowMs) return false;
  }
  return true;
}

/** Gives a new counter its windows, empty. */
export function openWindows(table: CounterTable, slot: number, quotas: readonly Quota[]): void {
  const first = table.windows.allocate(quotas.length);
  for (let at = 0; at < quotas.length; at++) table.windows.open(first + at, quotas[at]!.windowMs);
  table.setWindows(slot, first, quotas.length);
}

/** A run of its own that answers for the quotas as the counter would; whoever borrows it gives it back. */
export function lendWindows(table: CounterTable, slot: number, quotas: readonly Quota[], now: number): number {
  return copyWindows(table, slot, windowLengths(quotas), now);
}

/** Makes the counter's run match the quotas, keeping what else still counts. */
export function arrangeWindows(table: CounterTable, slot: number, quotas: readonly Quota[], now: number): void {
  const { windows } = table;
  const lengths = windowLengths(quotas);
  const first = table.firstWindow(slot);
  const last = first + table.windowCount(slot) - 1;
  let longest = 0;
  const spare: number[] = [];
  for (let window = first; window <= last; window++) {
    const windowMs = windows.windowMs(window);
    longest = Math.max(longest, windowMs);
    if (!lengths.includes(windowMs) && windows.used(window, now) > 0) spare.push(windowMs);
  }
  spare.sort((a, b) => b - a);
  const all = [...lengths, ...spare].slice(0, MAX_RUN);
  // A window longer than all before does not hold what its counter admitted earlier, so none of that can be refunded.
  if (all.some((windowMs) => windowMs > longest)) table.setBirth(slot);
  table.setWindows(slot, copyWindows(table, slot, all, now), all.length);
}

function copyWindows(table: CounterTable, slot: number, lengths: readonly number[], now: number): number {
  const { windows } = table;
  const copies = windows.allocate(lengths.length);
  for (let at = 0; at < lengths.length; at++) {
    const source = sourceWindow(table, slot, lengths[at]!);
    windows.open(copies + at, lengths[at]!);
    windows.setLimit(copies + at, windows.limit(source));
    windows.copy(source, copies + at, now);
  }
  return copies;
}

/** The counter's window of that length, else its narrowest longer one, else its longest. */
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

function windowLengths(quotas: readonly Quota[]): number[] {
  return quotas.map((quota) => quota.windowMs);
}
