import type { Quota } from '../../store/index.js';
import { LIMIT, WINDOW_MS, WINDOW_WORDS } from '../record-layout.js';
import { MAX_SPAN, windowPlace } from '../records.js';
import type { CounterTable } from './counter-table.js';

/**
 * The windows of one counter. First come the windows of the latest admitted charge's quotas, in their order. Behind
 * them are windows that earlier charges needed and that still count something.
 *
 * @module
 */

/** The counter's window of that length, or −1. The search starts with the window at `index`. */
export function findWindow(table: CounterTable, slot: number, index: number, windowMs: number): number {
  const { windows } = table;
  const first = table.firstWindow(slot);
  const count = table.windowCount(slot);
  if (index < count && windows.word(first + index, WINDOW_MS) === windowMs) return first + index;
  for (let window = first; window < first + count; window++) {
    if (windows.word(window, WINDOW_MS) === windowMs) return window;
  }
  return -1;
}

/** Whether the windows begin with those of the quotas, and none behind them is empty. */
export function windowsFit(table: CounterTable, slot: number, quotas: readonly Quota[], now: number): boolean {
  const first = table.firstWindow(slot);
  const count = table.windowCount(slot);
  if (count < quotas.length) return false;
  const words = table.windows.records.words(first);
  const place = windowPlace(first);
  for (let index = 0; index < quotas.length; index++) {
    if (words[place + index * WINDOW_WORDS + WINDOW_MS] !== quotas[index]!.windowMs) return false;
  }
  for (let index = quotas.length; index < count; index++) {
    if (table.windows.used(first + index, now) === 0) return false;
  }
  return true;
}

/** The lengths of the counter's windows. */
function lengthsOf(table: CounterTable, slot: number): number[] {
  const first = table.firstWindow(slot);
  return Array.from({ length: table.windowCount(slot) }, (_, index) => table.windows.word(first + index, WINDOW_MS));
}

export function longestWindowMs(table: CounterTable, slot: number): number {
  return Math.max(...lengthsOf(table, slot));
}

/** Gives a new counter its windows, empty. */
export function openWindows(table: CounterTable, slot: number, quotas: readonly Quota[]): void {
  const first = table.addWindows(slot, quotas.length);
  for (let index = 0; index < quotas.length; index++) table.windows.open(first + index, quotas[index]!.windowMs);
}

/**
 * A temporary window with what the counter's own window of that length would have. It is not longer than the counter's
 * longest window: what has left that is gone. The caller frees it.
 */
export function lendWindow(table: CounterTable, slot: number, windowMs: number, now: number): number {
  const window = table.windows.records.allocate(1);
  copyWindow(table, slot, window, Math.min(windowMs, longestWindowMs(table, slot)), now);
  return window;
}

/** Makes {@link windowsFit} true, and keeps what else still counts. Windows that stay are moved, not copied. */
export function arrangeWindows(table: CounterTable, slot: number, quotas: readonly Quota[], now: number): void {
  const { windows } = table;
  const lengths = quotas.map((quota) => quota.windowMs);
  const before = lengthsOf(table, slot);
  const first = table.firstWindow(slot);
  const spare = before.filter((windowMs, index) => !lengths.includes(windowMs) && windows.used(first + index, now) > 0);
  spare.sort((a, b) => b - a);
  const all = [...lengths, ...spare].slice(0, MAX_SPAN);

  const arranged = windows.records.allocate(all.length);
  for (const [index, windowMs] of all.entries()) {
    if (findWindow(table, slot, index, windowMs) < 0) copyWindow(table, slot, arranged + index, windowMs, now);
  }
  for (const [index, windowMs] of all.entries()) {
    const own = findWindow(table, slot, index, windowMs);
    if (own >= 0) windows.move(own, arranged + index);
  }
  table.removeWindows(slot);
  const newFirst = table.addWindows(slot, all.length);
  for (let index = 0; index < all.length; index++) windows.move(arranged + index, newFirst + index);
  windows.free(arranged, all.length);
  // A window longer than all before lacks what its counter admitted earlier, so none of that can be refunded.
  if (Math.max(...all) > Math.max(...before)) table.setBirth(slot);
}

/** Opens a window, and fills it from the counter's windows. */
function copyWindow(table: CounterTable, slot: number, window: number, windowMs: number, now: number): void {
  const { windows } = table;
  const source = sourceWindow(table, slot, windowMs);
  windows.open(window, windowMs);
  windows.setWord(window, LIMIT, windows.word(source, LIMIT));
  windows.copy(source, window, now);
}

/** The counter's narrowest window that is longer, else its longest. */
function sourceWindow(table: CounterTable, slot: number, windowMs: number): number {
  const lengths = lengthsOf(table, slot);
  let best = 0;
  for (const [index, length] of lengths.entries()) {
    const bestMs = lengths[best]!;
    if (bestMs < windowMs ? length > bestMs : length >= windowMs && length < bestMs) best = index;
  }
  return table.firstWindow(slot) + best;
}
