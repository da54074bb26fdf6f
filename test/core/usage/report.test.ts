import { summarizeUsage, type UsageMinute } from '@tollgate/core/usage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsFor } from '../../effort.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A Monday. */
const MONDAY = Date.UTC(2026, 0, 5);

const minute: fc.Arbitrary<UsageMinute> = fc
  .record({
    category: fc.constantFrom('legs', 'actions', '__proto__', ''),
    at: fc.integer({ min: -2 * 24 * 60, max: 9 * 24 * 60 }),
    admitted: fc.nat(50),
    refused: fc.oneof(fc.constant(0), fc.nat(20)),
    observed: fc.boolean(),
    peak: fc.nat(30),
    corrections: fc.option(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(99), fc.nat(99)), { nil: undefined }),
  })
  .map(({ category, at, admitted, refused, observed, peak, corrections }) => ({
    category,
    minuteAt: MONDAY + at * MINUTE,
    admitted,
    refused,
    wouldRefuse: observed ? admitted : 0,
    peakPerSecond: Math.min(peak, admitted + refused),
    corrections: corrections && {
      count: corrections[0],
      refundedUnits: corrections[1],
      debitedUnits: corrections[2],
    },
  }));

/** Each minute of a category occurs once, as a store returns them. */
const minutes = fc.uniqueArray(minute, {
  selector: ({ category, minuteAt }) => `${minuteAt} ${category}`,
  maxLength: 200,
  size: 'max',
});

const requests = ({ admitted, refused }: Pick<UsageMinute, 'admitted' | 'refused'>) => admitted + refused;
const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
const correctionsOf = (list: readonly UsageMinute[]) => ({
  count: sum(list.map(({ corrections }) => corrections?.count ?? 0)),
  refundedUnits: sum(list.map(({ corrections }) => corrections?.refundedUnits ?? 0)),
  debitedUnits: sum(list.map(({ corrections }) => corrections?.debitedUnits ?? 0)),
});
const isKnown = (one: UsageMinute) => requests(one) > 0 || one.corrections !== undefined;

/** By definition: the least value that at least 95 of 100 do not exceed. */
function p95(values: readonly number[]): number {
  const candidates = [...values].sort((one, other) => one - other);
  return candidates.find((limit) => values.filter((one) => one <= limit).length * 100 >= values.length * 95) ?? 0;
}

/** Requests of every minute that had any, in a category or in all. */
function perMinute(list: readonly UsageMinute[]): Map<number, number> {
  const found = new Map<number, number>();
  for (const one of list)
    if (requests(one) > 0) found.set(one.minuteAt, (found.get(one.minuteAt) ?? 0) + requests(one));
  return found;
}

describe('a usage report', () => {
  it('agrees with a naive sum of the minutes', () => {
    const period = fc.record({
      from: fc.integer({ min: 0, max: 5 * 24 * 60 }).map((at) => MONDAY + at * MINUTE),
      forMs: fc.integer({ min: 1, max: 4 * DAY }),
      step: fc.constantFrom('minute' as const, 'hour' as const, 'day' as const),
    });
    fc.assert(
      fc.property(minutes, period, (list, { from, forMs, step }) => {
        const report = summarizeUsage(list, { account: 'a', from, to: from + forMs, step });
        expect(report.to - (from + forMs)).toBeGreaterThanOrEqual(0);
        expect(report.to - (from + forMs)).toBeLessThan(MINUTE);
        const within = list.filter(({ minuteAt }) => minuteAt >= from && minuteAt < report.to);

        const { totals } = report;
        expect(totals).toEqual({
          requests: sum(within.map(requests)),
          admitted: sum(within.map(({ admitted }) => admitted)),
          refused: sum(within.map(({ refused }) => refused)),
          wouldRefuse: sum(within.map(({ wouldRefuse }) => wouldRefuse)),
          refusedShare: totals.requests === 0 ? 0 : totals.refused / totals.requests,
          corrections: correctionsOf(within),
        });
        expectMinutes(report, within);

        const names = [...new Set(within.filter(isKnown).map(({ category }) => category))];
        expect(report.categories.map(({ category }) => category).sort()).toEqual(names.sort());
        for (const [place, category] of report.categories.entries()) {
          const own = within.filter((one) => one.category === category.category);
          expect(category).toMatchObject({
            requests: sum(own.map(requests)),
            refused: sum(own.map(({ refused }) => refused)),
            share: sum(own.map(requests)) / Math.max(1, totals.requests),
            corrections: correctionsOf(own),
          });
          expect(report.categories[place - 1]?.requests ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(
            category.requests,
          );
          expectMinutes(category, own, firstCorrected(own));
        }

        for (const [day, hours] of report.pattern.entries()) {
          for (const [hour, counted] of hours.entries()) {
            const then = within.filter(({ minuteAt }) => {
              const date = new Date(minuteAt);
              return (date.getUTCDay() + 6) % 7 === day && date.getUTCHours() === hour;
            });
            expect(counted).toBe(sum(then.map(requests)));
          }
        }

        const { stepMs, series } = report;
        expect(series[0]!.at).toBeLessThanOrEqual(from);
        expect(series.at(-1)!.at + stepMs).toBeGreaterThanOrEqual(report.to);
        for (const [place, one] of series.entries()) {
          expect(one.at % stepMs).toBe(0);
          expect(one.at).toBe(series[0]!.at + place * stepMs);
          const then = within.filter(({ minuteAt }) => minuteAt >= one.at && minuteAt < one.at + stepMs);
          expect(one.requests).toBe(sum(then.map(requests)));
          expect(sum(one.categories.map(({ refused }) => refused))).toBe(one.refused);
          expect(one.corrections).toEqual(correctionsOf(then));
          for (const { category, ...counts } of one.categories) {
            expect(counts.requests).toBe(sum(then.filter((of) => of.category === category).map(requests)));
            expect(counts.corrections).toEqual(correctionsOf(then.filter((of) => of.category === category)));
            expect(counts.requests + counts.corrections.count).toBeGreaterThan(0);
          }
        }
      }),
      { numRuns: runsFor(100) },
    );
  });

  it('is the same for the minutes of several stores as for their sum', () => {
    fc.assert(
      fc.property(minutes, minutes, (one, other) => {
        const query = { account: 'a', from: MONDAY, to: MONDAY + 7 * DAY };
        const together = new Map<string, UsageMinute>();
        for (const each of [...one, ...other]) {
          const key = `${each.minuteAt} ${each.category}`;
          const before = together.get(key);
          together.set(key, {
            category: each.category,
            minuteAt: each.minuteAt,
            admitted: each.admitted + (before?.admitted ?? 0),
            refused: each.refused + (before?.refused ?? 0),
            wouldRefuse: each.wouldRefuse + (before?.wouldRefuse ?? 0),
            peakPerSecond: Math.max(each.peakPerSecond, before?.peakPerSecond ?? 0),
            corrections: [each, before].some((minute) => minute?.corrections !== undefined)
              ? correctionsOf(before === undefined ? [each] : [each, before])
              : undefined,
          });
        }
        expect(summarizeUsage([...one, ...other], query)).toEqual(summarizeUsage(together.values(), query));
      }),
    );
  });

  it('covers the last seven days by the hour by default, in whole minutes', () => {
    const before = Date.now();
    const { from, to, stepMs, series } = summarizeUsage([], { account: 'a' });
    expect(to - before).toBeGreaterThanOrEqual(0);
    expect(to - before).toBeLessThan(2 * MINUTE);
    expect(to - from).toBe(7 * DAY);
    expect(stepMs).toBe(HOUR);
    expect(series.length).toBeGreaterThanOrEqual(7 * 24);
    expect(summarizeUsage([], { account: 'a', from: MONDAY + 1, to: MONDAY + 2 })).toMatchObject({
      from: MONDAY,
      to: MONDAY + MINUTE,
      busiestMinute: undefined,
      p95PerMinute: 0,
    });
  });

  it.each([
    [{ from: 1.5 }, 'RangeError', 'TOLLGATE_OPTION_RANGE'],
    [{ from: MONDAY, to: MONDAY }, 'RangeError', 'TOLLGATE_OPTION_RANGE'],
    [{ from: MONDAY, to: MONDAY + 367 * DAY }, 'RangeError', 'TOLLGATE_OPTION_RANGE'],
    [{ to: new Date() }, 'TypeError', 'TOLLGATE_OPTION_TYPE'],
    [{ step: 'week' }, 'RangeError', 'TOLLGATE_OPTION_RANGE'],
  ])('refuses %o', (query, name, code) => {
    expect(() => summarizeUsage([], { account: 'a', ...(query as object) })).toThrow(
      expect.objectContaining({ name, code }),
    );
  });
});

/** The busiest minute of a category that has corrections alone. */
function firstCorrected(list: readonly UsageMinute[]): unknown {
  const corrected = list.filter(({ corrections }) => corrections !== undefined).map(({ minuteAt }) => minuteAt);
  return { minuteAt: Math.min(...corrected), requests: 0, peakPerSecond: 0 };
}

/** Checks the busiest minute, the percentile and the number of active minutes. `idle` is expected without requests. */
function expectMinutes(
  actual: { readonly p95PerMinute: number; readonly activeMinutes: number; readonly busiestMinute: unknown },
  list: readonly UsageMinute[],
  idle?: unknown,
): void {
  const found = perMinute(list);
  expect(actual.activeMinutes).toBe(found.size);
  expect(actual.p95PerMinute).toBe(p95([...found.values()]));
  const most = Math.max(...found.values());
  const first = Math.min(...[...found].filter(([, count]) => count === most).map(([at]) => at));
  const peak = Math.max(...list.filter(({ minuteAt }) => minuteAt === first).map(({ peakPerSecond }) => peakPerSecond));
  const busiest = { minuteAt: first, requests: most, peakPerSecond: peak };
  expect(actual.busiestMinute).toEqual(found.size === 0 ? idle : busiest);
}

describe('a suggested limit', () => {
  const USUAL = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8];
  const isUsual = (limit: number) => {
    const power = 10 ** Math.floor(Math.log10(limit) + 1e-9);
    return USUAL.some((usual) => Math.abs(limit / power - usual) < 1e-9);
  };
  const reportOf = (perMinute: readonly number[], refused = 0) =>
    summarizeUsage(
      perMinute.map((count, at) => ({
        category: 'legs',
        minuteAt: MONDAY + at * MINUTE,
        admitted: count - Math.min(count, refused),
        refused: Math.min(count, refused),
        wouldRefuse: 0,
        peakPerSecond: 1,
      })),
      { account: 'a', from: MONDAY, to: MONDAY + 7 * DAY },
    ).categories[0]!;

  it('is a round number, at least a quarter above the need, and at most 1.6 times that', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 30, maxLength: 100 }), (counts) => {
        const { suggestion, busiestMinute, p95PerMinute } = reportOf(counts);
        const needed = Math.min(busiestMinute.requests, 2 * p95PerMinute) * 1.25;
        expect(suggestion!.perMinute).toBeGreaterThanOrEqual(needed);
        expect(suggestion!.perMinute).toBeLessThanOrEqual(Math.max(needed * 1.6, needed + 1));
        expect(Number.isInteger(suggestion!.perMinute)).toBe(true);
        expect(isUsual(suggestion!.perMinute)).toBe(true);
        expect(suggestion!.reason).toMatch(/^[A-Z][^\n]*\.$/);
        expect(suggestion!.reason).toContain(`${suggestion!.perMinute.toLocaleString('en')} a minute`);
      }),
    );
  });

  it('gives its reason in one sentence', () => {
    const steady = Array.from({ length: 99 }, () => 60);
    expect(reportOf([...steady, 84]).suggestion).toEqual({
      perMinute: 120,
      reason:
        'The busiest minute had 84 requests (95th percentile 60), and none was refused; 120 a minute leaves a quarter to spare.',
    });
    expect(reportOf([...steady, 4000], 3).suggestion).toEqual({
      perMinute: 150,
      reason:
        'The busiest minute had 4,000 requests, but 95 % of the minutes had at most 60, and 3 % were refused; ' +
        '150 a minute has room for twice the usual and a quarter to spare.',
    });
  });

  it('needs 30 active minutes', () => {
    expect(reportOf(Array.from({ length: 29 }, () => 10)).suggestion).toBeUndefined();
    expect(reportOf(Array.from({ length: 30 }, () => 10)).suggestion).toBeDefined();
  });
});
