import type { UsageCategory, UsageReport } from '@tollgate/core/usage';
import {
  alignedRows,
  countInWords,
  minuteInWords,
  patternInWords,
  plainCategory,
  plainName,
  shareInWords,
  shownCategory,
  shownName,
} from '../words/index.js';

/** A report as text for a terminal. */
export function usageInWords(report: UsageReport): string {
  const { totals, categories } = report;
  if (totals.requests === 0) return [headOf(report), ...correctionsAlone(report)].join('\n\n');
  return [
    headOf(report),
    alignedRows(figureRows(report), '', FIGURE_NUMBERS),
    alignedRows([CATEGORY_HEADS, ...categories.map(categoryRow)], '', CATEGORY_NUMBERS),
    `requests by weekday and hour, UTC\n${patternInWords(report.pattern)}`,
    ...suggestions(categories),
  ].join('\n\n');
}

/** The account and the time of a report. */
export function headOf({ account, from, to, totals }: UsageReport): string {
  const head = `${shownName(account)}, ${minuteInWords(from)} to ${minuteInWords(to)} UTC`;
  return totals.requests === 0 ? `${head}: no requests are known` : head;
}

/** A debit is no request, so an account may have corrections alone. */
function correctionsAlone(report: UsageReport): string[] {
  return report.totals.corrections.count === 0 ? [] : [alignedRows([correctionsRow(report)], '', FIGURE_NUMBERS)];
}

function correctionsRow({ totals }: UsageReport): string[] {
  const { count, refundedUnits, debitedUnits } = totals.corrections;
  const units = `${countInWords(refundedUnits)} units taken back, ${countInWords(debitedUnits)} added`;
  return ['corrections', countInWords(count), units];
}

function figureRows(report: UsageReport): string[][] {
  const { totals, busiestMinute, p95PerMinute, activeMinutes } = report;
  const { requests, admitted, refused, wouldRefuse } = totals;
  const shares = [shareInWords(admitted / requests), shareInWords(refused / requests)] as const;
  const shareWidth = Math.max(...shares.map((share) => share.length));
  const rows = [
    ['requests', countInWords(requests)],
    ['admitted', countInWords(admitted), shares[0].padStart(shareWidth)],
    ['refused', countInWords(refused), shares[1].padStart(shareWidth)],
  ];
  if (wouldRefuse > 0) {
    rows.push(['would refuse', countInWords(wouldRefuse), 'admitted, since limits are only observed']);
  }
  if (totals.corrections.count > 0) rows.push(correctionsRow(report));
  if (busiestMinute !== undefined) {
    const { minuteAt, requests, peakPerSecond } = busiestMinute;
    const peak = `up to ${countInWords(peakPerSecond)} in a second`;
    rows.push(['busiest minute', countInWords(requests), `${minuteInWords(minuteAt)}, ${peak}`]);
  }
  const minutes = activeMinutes === 1 ? 'the one minute' : `the ${countInWords(activeMinutes)} minutes`;
  return [...rows, ['95th percentile', countInWords(p95PerMinute), `a minute, of ${minutes} with requests`]];
}

/** The column of the counts. */
const FIGURE_NUMBERS: ReadonlySet<number> = new Set([1]);

const CATEGORY_HEADS = [
  'category',
  'requests',
  'share',
  'refused',
  '',
  '95th percentile',
  'busiest minute',
  '',
  'suggested',
];

/** All but the category, and the time of its busiest minute. */
const CATEGORY_NUMBERS: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 8]);

function categoryRow(of: UsageCategory): string[] {
  const { category, requests, share, refused, refusedShare, p95PerMinute, busiestMinute, suggestion } = of;
  return [
    shownCategory(category),
    countInWords(requests),
    shareInWords(share),
    countInWords(refused),
    refused === 0 ? '' : shareInWords(refusedShare),
    countInWords(p95PerMinute),
    countInWords(busiestMinute.requests),
    minuteInWords(busiestMinute.minuteAt),
    suggestion === undefined ? '' : `${countInWords(suggestion.perMinute)} a minute`,
  ];
}

function suggestions(categories: readonly UsageCategory[]): string[] {
  const lines = categories.flatMap(({ category, suggestion }) => {
    if (suggestion === undefined) return [];
    const { perMinute, reason } = suggestion;
    return [`${shownCategory(category)}: ${countInWords(perMinute)} a minute suggested. ${reason}`];
  });
  return lines.length === 0 ? [] : [lines.join('\n')];
}

/**
 * The series of a report as CSV (RFC 4180), a row for each step and category with requests or corrections. A name that
 * a spreadsheet would run as a formula gets an apostrophe.
 */
export function usageCsv({ account, series }: UsageReport): string {
  const rows: string[] = [CSV_HEADS.join(',')];
  for (const { at, categories } of series) {
    for (const { category, requests, admitted, refused, wouldRefuse, corrections } of categories) {
      const names = [minuteInWords(at), textCell(plainName(account)), textCell(plainCategory(category))];
      const { count, refundedUnits, debitedUnits } = corrections;
      const units = [refundedUnits, debitedUnits];
      rows.push([...names, requests, admitted, refused, wouldRefuse, count, ...units].join(','));
    }
  }
  return rows.map((row) => `${row}\r\n`).join('');
}

const CSV_HEADS = [
  ...['from_utc', 'account', 'category', 'requests', 'admitted', 'refused', 'would_refuse'],
  ...['corrections', 'refunded_units', 'debited_units'],
];

/** A quoted cell that no spreadsheet runs. */
export function textCell(text: string): string {
  const inert = FORMULA.test(text) ? `'${text}` : text;
  return `"${inert.replaceAll('"', '""')}"`;
}

/** Some spreadsheets skip white space, and read wide characters as narrow ones. */
const FORMULA = /^\s*[=+\-@＝＋－＠]/u;
