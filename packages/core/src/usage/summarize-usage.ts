import { wallClock } from '../clock.js';
import { entryOf } from '../entry-of.js';
import { addCorrections, MAX_UNITS, type UsageCorrections, type UsageMinute } from '../store/index.js';
import { usagePeriod } from './usage-period.js';
import type {
  UsageBusiestMinute,
  UsageCategory,
  UsageCategoryCounts,
  UsageCounts,
  UsageQuery,
  UsageReport,
  UsageStep,
  UsageSuggestion,
} from './usage-report.js';

/**
 * Sums up the minutes of an account. It reads no store, and ignores minutes outside the query's period. The minutes may
 * come from several stores: those of one category and minute are added, and the higher peak counts.
 *
 * @throws TypeError or RangeError for an invalid instant, a `to` that is not after `from`, a period of more than 366
 * days, and an unknown `step`.
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
    const busiestMinute = minutes.busiest() ?? minutes.firstWithCorrections();
    if (busiestMinute === undefined) continue;
    const counts = counted.counts();
    const share = counts.requests === 0 ? 0 : counts.requests / totals.counts().requests;
    const found = {
      category,
      ...counts,
      share,
      p95PerMinute: minutes.percentile(95),
      activeMinutes: minutes.size,
      busiestMinute,
    };
    categories.push({ ...found, suggestion: suggestLimit(found) });
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
    const categories: UsageCategoryCounts[] = [];
    const total = new Counted();
    const step = steps.get(at);
    for (const { category } of step === undefined ? [] : order) {
      const counts = step?.get(category)?.counts();
      if (counts === undefined || counts.requests + counts.corrections.count === 0) continue;
      categories.push({ category, ...counts });
      total.add(counts);
    }
    series.push({ at, ...total.counts(), categories });
  }
  return series;
}

/** A sum of requests and corrections. */
class Counted {
  #admitted = 0;
  #refused = 0;
  #wouldRefuse = 0;
  #corrections: UsageCorrections = NO_CORRECTIONS;

  add({
    admitted,
    refused,
    wouldRefuse,
    corrections,
  }: Pick<UsageMinute, 'admitted' | 'refused' | 'wouldRefuse' | 'corrections'>): void {
    this.#admitted += admitted;
    this.#refused += refused;
    this.#wouldRefuse += wouldRefuse;
    this.#corrections = addCorrections(this.#corrections, corrections) ?? NO_CORRECTIONS;
  }

  counts(): UsageCounts {
    const refused = this.#refused;
    const requests = this.#admitted + refused;
    const refusedShare = requests === 0 ? 0 : refused / requests;
    const corrections = this.#corrections;
    return { requests, admitted: this.#admitted, refused, wouldRefuse: this.#wouldRefuse, refusedShare, corrections };
  }
}

const NO_CORRECTIONS: UsageCorrections = { count: 0, refundedUnits: 0, debitedUnits: 0 };

/** The minutes with requests, and the number of requests in each; and the first minute with corrections. */
class ActiveMinutes {
  readonly #byMinute = new Map<number, { requests: number; peakPerSecond: number }>();
  #firstCorrectionsAt = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#byMinute.size;
  }

  add({ minuteAt, admitted, refused, peakPerSecond, corrections }: UsageMinute): void {
    if (corrections !== undefined && corrections.count > 0)
      this.#firstCorrectionsAt = Math.min(this.#firstCorrectionsAt, minuteAt);
    if (admitted + refused === 0) return;
    const minute = entryOf(this.#byMinute, minuteAt, () => ({ requests: 0, peakPerSecond: 0 }));
    minute.requests += admitted + refused;
    minute.peakPerSecond = Math.max(minute.peakPerSecond, peakPerSecond);
  }

  busiest(): UsageBusiestMinute | undefined {
    let busiest: UsageBusiestMinute | undefined;
    for (const [minuteAt, { requests, peakPerSecond }] of this.#byMinute) {
      const lead = requests - (busiest?.requests ?? 0);
      if (lead < 0 || (lead === 0 && minuteAt > busiest!.minuteAt)) continue;
      busiest = { minuteAt, requests, peakPerSecond };
    }
    return busiest;
  }

  firstWithCorrections(): UsageBusiestMinute | undefined {
    const minuteAt = this.#firstCorrectionsAt;
    return Number.isFinite(minuteAt) ? { minuteAt, requests: 0, peakPerSecond: 0 } : undefined;
  }

  /** The least number of requests that `percent` of the minutes did not exceed: the nearest rank. */
  percentile(percent: number): number {
    const sorted = Float64Array.from(this.#byMinute.values(), ({ requests }) => requests).sort();
    return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? 0;
  }
}

/**
 * The requests of the busiest minute and a quarter more. A busiest minute above twice the 95th percentile is
 * exceptional, and twice that percentile counts instead. Refused requests are demand too. Fewer than 30 minutes give no
 * suggestion.
 */
function suggestLimit(found: Omit<UsageCategory, 'suggestion'>): UsageSuggestion | undefined {
  const { activeMinutes, p95PerMinute: p95, refusedShare } = found;
  const busiest = found.busiestMinute.requests;
  if (activeMinutes < ENOUGH_MINUTES) return undefined;
  const standsOut = busiest > 2 * p95;
  const perMinute = Math.min(MAX_UNITS, roundUp((standsOut ? 2 * p95 : busiest) * 1.25));
  const refused = refusedWords(refusedShare);
  const reason = standsOut
    ? `The busiest minute had ${show(busiest)} requests, but 95 % of the minutes had at most ${show(p95)}, and ${refused}; ` +
      `${show(perMinute)} a minute has room for twice the usual and a quarter to spare.`
    : `The busiest minute had ${show(busiest)} requests (95th percentile ${show(p95)}), and ${refused}; ` +
      `${show(perMinute)} a minute leaves a quarter to spare.`;
  return { perMinute, reason };
}

const ENOUGH_MINUTES = 30;

function refusedWords(share: number): string {
  if (share === 0) return 'none was refused';
  return share < 0.01 ? 'less than 1 % were refused' : `${Math.round(share * 100)} % were refused`;
}

/** The next round number, as people use for limits. */
function roundUp(value: number): number {
  for (let power = 1; ; power *= 10) {
    for (const tenths of ROUND_TENTHS) {
      const round = (tenths * power) / 10;
      if (round >= value && Number.isInteger(round)) return round;
    }
  }
}

const ROUND_TENTHS = [10, 12, 15, 20, 25, 30, 40, 50, 60, 80];

function show(requests: number): string {
  return requests.toLocaleString('en');
}
