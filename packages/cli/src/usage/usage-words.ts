import type { UsageCategory, UsageReport } from '@tollgate/core/usage';
import {
  alignedRows,
  countInWords,
  minuteInWords,
  patternInWords,
  shareInWords,
  shownCategory,
  shownName,
} from '../words/index.js';

/** A report for people, at a terminal. */
export function usageInWords(report: UsageReport): string {
  const { totals, categories } = report;
  if (totals.requests === 0) return headOf(report);
  return [
    headOf(report),
    alignedRows(figureRows(report), '', FIGURE_NUMBERS),
    alignedRows([CATEGORY_HEADS, ...categories.map(categoryRow)], '', CATEGORY_NUMBERS),
    `requests by weekday and hour, UTC\n${patternInWords(report.pattern)}`,
    ...suggestions(categories),
  ].join('\n\n');
}

/** Whose usage it is, and of when. */
export function headOf({ account, from, to, totals }: UsageReport): string {
  const head = `${shownName(account)}, ${minuteInWords(from)} to ${minuteInWords(to)} UTC`;
  return totals.requests === 0 ? `${head}: no requests are known` : head;
}

function figureRows({ totals, busiestMinute, p95PerMinute, activeMinutes }: UsageReport): string[][] {
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
  if (busiestMinute !== undefined) {
    const { minuteAt, requests, peakPerSecond } = busiestMinute;
    const peak = `up to ${countInWords(peakPerSecond)} in a second`;
    rows.push(['busiest minute', countInWords(requests), `${minuteInWords(minuteAt)}, ${peak}`]);
  }
  const minutes = activeMinutes === 1 ? 'the one minute' : `the ${countInWords(activeMinutes)} minutes`;
  return [...rows, ['95th percentile', countInWords(p95PerMinute), `a minute, of ${minutes} with requests`]];
}

/** The counts, behind their names. */
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

/** All but the category and when its busiest minute was. */
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
