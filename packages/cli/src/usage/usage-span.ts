import { UsageError } from '../exit-codes.js';
import { parseDuration } from '../words/index.js';

/** The time that a report is to be about, as it was typed. */
export interface SpanOptions {
  readonly last?: string;
  readonly from?: string;
  readonly to?: string;
}

/** From which instant to before which, in milliseconds since the epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The last so long, or from one instant to another; a week, where nothing is said.
 *
 * @throws UsageError when both are said, or it is no time.
 */
export function spanOf({ last, from, to }: SpanOptions, now: number): Span {
  if (last !== undefined && from !== undefined) {
    throw new UsageError('Expected either --last or --from, since both say where the time begins');
  }
  const end = to === undefined ? now : parseInstant(to, '--to');
  const begin = from === undefined ? end - parseDuration(last ?? '7d', '--last') : parseInstant(from, '--from');
  // 0 of anything, or more than calendars have.
  if (!(begin < end) || Number.isNaN(new Date(begin).getTime())) {
    throw new UsageError(`Expected ${from === undefined ? '--last' : '--from'} to begin before the time ends`);
  }
  return { from: begin, to: end };
}

/**
 * Reads `2026-11-17`, `2026-11-17T09:30` or `2026-11-17T09:30:15+01:00` as milliseconds since the epoch; in UTC where it
 * does not say otherwise. `option` is what errors call it.
 *
 * @throws UsageError when it is none, or a day that no calendar has.
 */
export function parseInstant(typed: string, option: string): number {
  const [, day = '', time = '00:00', zone = 'Z'] = INSTANT.exec(typed.trim()) ?? [];
  const asIfUtc = new Date(`${day}T${time}Z`);
  const at = Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  // A 30th of February would be one of March.
  if (Number.isNaN(at) || !asIfUtc.toISOString().startsWith(day)) {
    throw new UsageError(
      `Expected ${option} to be a day or an instant such as 2026-11-17 or 2026-11-17T09:30 (UTC, or with an offset), got ${JSON.stringify(typed)}`,
    );
  }
  return at;
}

const INSTANT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/i;
