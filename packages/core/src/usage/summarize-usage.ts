import { wallClock } from '../clock.js';
import { entryOf } from '../entry-of.js';
import type { UsageMinute } from '../store/index.js';
import { ActiveMinutes, Counted } from './counted.js';
import { suggestLimit } from './suggest-limit.js';
import { usagePeriod } from './usage-period.js';
import type { UsageCategory, UsageCategoryCounts, UsageQuery, UsageReport, UsageStep } from './usage-report.js';

/**
 * Sums up the minutes of an account. It reads no store, and minutes outside of the time that is asked for are left out.
 * Minutes of several stores may be put together: those of one category and minute add up, and the higher peak holds.
 *
 * @throws TypeError or RangeError for instants that are none, a `to` that is not after `from`, a time of more than 366 days,
 * and a `step` that there is not.
 * @example
 * const minutes = await store.read('ameyo5m', from, to);
 * const { totals, categories } = summarizeUsage(minutes, { account: 'ameyo5m', from, to });
 */
export function summarizeUsage(
  minutes: Iterable<UsageMinute>,
  query: UsageQuery & { readonly account: string },
): UsageReport {
  const { from, to, stepMs } = usagePeriod(query, wallClock());
  const totals = new Counted();
  const allMinutes = new ActiveMinutes();
  const byCategory = new Map<string, { counted: Counted; minutes: ActiveMinutes }>();
  const steps = new Map<number, Steps>();
  const pattern = Array.from({ length: 7 }, () => new Array<number>(24).fill(0));

  for (const minute of minutes) {
    const { category, minuteAt } = minute;
    if (minuteAt < from || minuteAt >= to) continue;
    totals.add(minute);
    allMinutes.add(minute);
    const own = entryOf(byCategory, category, () => ({ counted: new Counted(), minutes: new ActiveMinutes() }));
    own.counted.add(minute);
    own.minutes.add(minute);
    const step = entryOf(steps, Math.floor(minuteAt / stepMs) * stepMs, () => new Map());
    entryOf(step, category, () => new Counted()).add(minute);
    const hour = Math.floor(minuteAt / HOUR_MS);
    const day = pattern[(Math.floor(hour / 24) + FIRST_WEEKDAY) % 7]!;
    day[hour % 24]! += minute.admitted + minute.refused;
  }

  const categories: UsageCategory[] = [];
  for (const [category, { counted, minutes }] of byCategory) {
    const busiestMinute = minutes.busiest();
    if (busiestMinute === undefined) continue;
    const counts = counted.counts();
    const p95PerMinute = minutes.percentile(95);
    const activeMinutes = minutes.size;
    const { refusedShare } = counts;
    const demand = { activeMinutes, busiest: busiestMinute.requests, p95: p95PerMinute, refusedShare };
    const share = counts.requests / totals.requests;
    const suggestion = suggestLimit(demand);
    categories.push({ category, ...counts, share, p95PerMinute, activeMinutes, busiestMinute, suggestion });
  }
  categories.sort((one, other) => other.requests - one.requests || (one.category < other.category ? -1 : 1));

  return {
    account: query.account,
    from,
    to,
    stepMs,
    totals: totals.counts(),
    categories,
    busiestMinute: allMinutes.busiest(),
    p95PerMinute: allMinutes.percentile(95),
    activeMinutes: allMinutes.size,
    pattern,
    series: seriesOf(steps, from, to, stepMs, categories),
  };
}

type Steps = Map<string, Counted>;

const HOUR_MS = 3_600_000;
/** The epoch began on a Thursday. */
const FIRST_WEEKDAY = 3;

function seriesOf(
  steps: ReadonlyMap<number, Steps>,
  from: number,
  to: number,
  stepMs: number,
  order: readonly UsageCategory[],
): UsageStep[] {
  const series: UsageStep[] = [];
  for (let at = Math.floor(from / stepMs) * stepMs; at < to; at += stepMs) {
    const step = steps.get(at);
    const categories: UsageCategoryCounts[] = [];
    const sum = { admitted: 0, refused: 0, wouldRefuse: 0 };
    for (const { category } of step === undefined ? [] : order) {
      const counts = step?.get(category)?.counts();
      if (counts === undefined || counts.requests === 0) continue;
      categories.push({ category, ...counts });
      sum.admitted += counts.admitted;
      sum.refused += counts.refused;
      sum.wouldRefuse += counts.wouldRefuse;
    }
    const requests = sum.admitted + sum.refused;
    series.push({ at, requests, ...sum, refusedShare: requests === 0 ? 0 : sum.refused / requests, categories });
  }
  return series;
}
