import { checkInteger, checkOneOf } from '../check.js';
import { optionRangeError } from '../errors.js';
import type { UsageQuery, UsageStepName } from './usage-report.js';

/** The period of a report, in whole minutes. */
export interface UsagePeriod {
  readonly from: number;
  readonly to: number;
  readonly step: UsageStepName;
  readonly stepMs: number;
}

/**
 * @throws TypeError or RangeError for an invalid instant, a `to` that is not after `from`, a period of more than 366
 * days, and an unknown `step`.
 */
export function usagePeriod({ from, to, step = 'hour' }: UsageQuery, now: number): UsagePeriod {
  checkOneOf('step', step, Object.keys(STEPS) as UsageStepName[]);
  const until = to === undefined ? now : checkInteger('to', to, 0, LATEST);
  const end = Math.ceil(until / MINUTE_MS) * MINUTE_MS;
  const since = from === undefined ? Math.max(0, end - 7 * STEPS.day) : checkInteger('from', from, 0, LATEST);
  const begin = Math.floor(since / MINUTE_MS) * MINUTE_MS;
  if (since >= until) throw optionRangeError('to', 'an instant after `from`', until);
  if (end - begin > LONGEST_DAYS * STEPS.day) {
    throw optionRangeError('from', `at most ${LONGEST_DAYS} days before \`to\``, since);
  }
  return { from: begin, to: end, step, stepMs: STEPS[step] };
}

export const MINUTE_MS = 60_000;
const STEPS: Readonly<Record<UsageStepName, number>> = { minute: MINUTE_MS, hour: 3_600_000, day: 86_400_000 };
const LATEST = 8_640_000_000_000_000;
const LONGEST_DAYS = 366;
