import type { UsageReport, UsageStep } from '@tollgate/core/usage';

/** Steps of a series put together, so that a chart has no more bars than can be told apart. */
export interface Bars {
  readonly barMs: number;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly at: number;
  readonly steps: readonly UsageStep[];
}

/** As many steps to a bar as are needed; bars begin where a clock or a calendar has a line, weeks on Mondays. */
export function barsOf({ from, to, stepMs, series }: UsageReport): Bars {
  const barMs = LENGTHS_MS.find((ms) => ms >= stepMs && (to - from) / ms <= MOST_BARS) ?? WEEK_MS;
  const byStart = new Map<number, UsageStep[]>();
  for (const step of series) {
    const at = Math.floor((step.at - FIRST_MONDAY_AT) / barMs) * barMs + FIRST_MONDAY_AT;
    const steps = byStart.get(at);
    if (steps === undefined) byStart.set(at, [step]);
    else steps.push(step);
  }
  return { barMs, bars: Array.from(byStart, ([at, steps]) => ({ at, steps })) };
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
/** A week of hours, whose first and last are cut, fits. */
const MOST_BARS = 200;
/** The epoch began on a Thursday. */
const FIRST_MONDAY_AT = 4 * DAY_MS;
