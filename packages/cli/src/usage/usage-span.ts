import { UsageError } from '../exit-codes.js';
import { parseDuration } from '../words/index.js';

/** The time span of a report, as typed. */
export interface SpanOptions {
  readonly last?: string;
  readonly from?: string;
  readonly to?: string;
}

/** Milliseconds since the epoch; `to` is excluded. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The span of the options; by default the last week.
 *
 * @throws UsageError when they contradict each other, or one of them cannot be read.
 */
export function spanOf({ last, from, to }: SpanOptions, now: number): Span {
  if (last !== undefined && from !== undefined) {
    throw new UsageError('Expected either --last or --from, since each sets the start');
  }
  const end = to === undefined ? now : parseInstant(to, '--to');
  const begin = from === undefined ? end - parseDuration(last ?? '7d', '--last') : parseInstant(from, '--from');
  // A span of 0, or one that begins before the calendar.
  if (!(begin < end) || Number.isNaN(new Date(begin).getTime())) {
    throw new UsageError(`Expected ${from === undefined ? '--last' : '--from'} to begin before the time ends`);
  }
  return { from: begin, to: end };
}

/**
 * Reads `2026-11-17`, `2026-11-17T09:30` or `2026-11-17T09:30:15+01:00` as milliseconds since the epoch; in UTC unless
 * it has an offset. `option` is its name in errors.
 *
 * @throws UsageError when it is not an instant, or a day that does not exist.
 */
export function parseInstant(typed: string, option: string): number {
  const [, day = '', time = '00:00', zone = 'Z'] = INSTANT.exec(typed.trim()) ?? [];
  const asIfUtc = new Date(`${day}T${time}Z`);
  const at = Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  // `Date.parse` reads the 30th of February as a day of March.
  if (Number.isNaN(at) || !asIfUtc.toISOString().startsWith(day)) {
    throw new UsageError(
      `Expected ${option} to be a day or an instant such as 2026-11-17 or 2026-11-17T09:30 (UTC, or with an offset), got ${JSON.stringify(typed)}`,
    );
  }
  return at;
}

const INSTANT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/i;
