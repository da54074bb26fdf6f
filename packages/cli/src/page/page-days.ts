/** A day in UTC: `17 Nov 2026`. */
export function dayInWords(at: number): string {
  return DAY.format(at);
}

/** The time from one instant to another in UTC, a bar's or a step's: `Tue 17 Nov, 09:00 to 10:00`. */
export function timeInWords(at: number, lengthMs: number): string {
  if (lengthMs > DAY_MS) return `${WEEKDAY.format(at)} to ${WEEKDAY.format(at + lengthMs - 1)}`;
  if (lengthMs === DAY_MS) return WEEKDAY.format(at);
  return `${WEEKDAY.format(at)}, ${TIME.format(at)} to ${TIME.format(at + lengthMs)}`;
}

const DAY_MS = 86_400_000;
const inUtc = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options });
const DAY = inUtc({ day: 'numeric', month: 'short', year: 'numeric' });
const WEEKDAY = inUtc({ weekday: 'short', day: 'numeric', month: 'short' });
const TIME = inUtc({ hour: '2-digit', minute: '2-digit' });

/** How long a bar is: `one hour`, `6 hours`. */
export function barInWords(lengthMs: number): string {
  const [unit, unitMs] = UNITS.find(([, ms]) => lengthMs % ms === 0) ?? UNITS.at(-1)!;
  return lengthMs === unitMs ? `one ${unit}` : `${lengthMs / unitMs} ${unit}s`;
}

const UNITS = [
  ['week', 7 * DAY_MS],
  ['day', DAY_MS],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;
