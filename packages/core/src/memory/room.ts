import type { CounterSpec, Quota, Throttle } from '../store/index.js';
import type { SlidingWindows } from './sliding-window.js';

/** When a quota has room, where its limit may be shrunk until the instant `endsAt`. */

/** From when on so many more units fit: under the shrunk limit, or under the full one once that holds again. */
export function fitsAt(
  windows: SlidingWindows,
  window: number,
  used: number,
  limit: number,
  units: number,
  now: number,
  shrinks: Throttle | undefined,
  endsAt: number,
): number {
  if (shrinks === undefined) return windows.fitsAt(window, used, limit, units, now);
  const meanwhile = windows.fitsAt(window, used, shrinks.limitOf(limit), units, now);
  return Math.min(meanwhile, Math.max(endsAt, windows.fitsAt(window, used, limit, units, now)));
}

/** When room grows that waits for the window's only slice to leave, or for its limit to be whole again. */
export function soonest({ throttle }: CounterSpec, { limit, windowMs }: Quota, throttledMs = 0): number {
  const isShrunk = throttledMs > 0 && throttle !== undefined && throttle.limitOf(limit) < limit;
  return isShrunk ? Math.min(windowMs, throttledMs) : windowMs;
}
