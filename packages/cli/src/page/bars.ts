import { entryOf } from '@tollgate/core/kit';
import type { UsageReport, UsageStep } from '@tollgate/core/usage';

/** The steps of a series in bars, as many as a chart can show. */
export interface Bars {
  readonly barMs: number;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly at: number;
  readonly steps: readonly UsageStep[];
}

/** Bars begin at round times; weeks begin on Mondays. */
export function barsOf({ from, to, stepMs, series }: UsageReport): Bars {
  const barMs = LENGTHS_MS.find((ms) => ms >= stepMs && (to - from) / ms <= MAX_BARS) ?? WEEK_MS;
  const byStart = new Map<number, UsageStep[]>();
  for (const step of series) {
    const at = Math.floor((step.at - FIRST_MONDAY_AT) / barMs) * barMs + FIRST_MONDAY_AT;
    entryOf(byStart, at, () => []).push(step);
  }
  return { barMs, bars: Array.from(byStart, ([at, steps]) => ({ at, steps })) };
}

/** A day in UTC: `17 Nov 2026`. */
export function dayInWords(at: number): string {
  return DAY.format(at);
}

/** The time of a bar in UTC: `Tue 17 Nov, 09:00 to 10:00`. */
export function timeInWords(at: number, lengthMs: number): string {
  if (lengthMs > DAY_MS) return `${WEEKDAY.format(at)} to ${WEEKDAY.format(at + lengthMs - 1)}`;
  if (lengthMs === DAY_MS) return WEEKDAY.format(at);
  return `${WEEKDAY.format(at)}, ${TIME.format(at)} to ${TIME.format(at + lengthMs)}`;
}

/** The length of a bar: `one hour`, `6 hours`. */
export function barInWords(lengthMs: number): string {
  const [unit, unitMs] = UNITS.find(([, ms]) => lengthMs % ms === 0) ?? UNITS.at(-1)!;
  return lengthMs === unitMs ? `one ${unit}` : `${lengthMs / unitMs} ${unit}s`;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
const LENGTHS_MS: readonly number[] = [
  ...[1, 2, 5, 10, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 6, 12].map((hours) => hours * HOUR_MS),
  ...[DAY_MS, WEEK_MS],
];
/** Enough for a week of hours that begins and ends within an hour. */
const MAX_BARS = 200;
/** The epoch began on a Thursday. */
const FIRST_MONDAY_AT = 4 * DAY_MS;

const inUtc = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options });
const DAY = inUtc({ day: 'numeric', month: 'short', year: 'numeric' });
const WEEKDAY = inUtc({ weekday: 'short', day: 'numeric', month: 'short' });
const TIME = inUtc({ hour: '2-digit', minute: '2-digit' });
const UNITS = [
  ['week', WEEK_MS],
  ['day', DAY_MS],
  ['hour', HOUR_MS],
  ['minute', MINUTE_MS],
] as const;
