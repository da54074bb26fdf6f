import type { UsageReport } from '@tollgate/core/usage';
import { minuteInWords, plainCategory, plainName } from '../words/index.js';

/**
 * A report's series as CSV (RFC 4180): a row for each step and category that had requests. A name that a spreadsheet would
 * take for a formula gets an apostrophe before it.
 */
export function usageCsv({ account, series }: UsageReport): string {
  const rows: string[] = [HEADS.join(',')];
  for (const { at, categories } of series) {
    for (const { category, requests, admitted, refused, wouldRefuse } of categories) {
      const names = [minuteInWords(at), textCell(plainName(account)), textCell(plainCategory(category))];
      rows.push([...names, requests, admitted, refused, wouldRefuse].join(','));
    }
  }
  return rows.map((row) => `${row}\r\n`).join('');
}

const HEADS = ['from_utc', 'account', 'category', 'requests', 'admitted', 'refused', 'would_refuse'];

/** In quotes, whatever is in it. */
export function textCell(text: string): string {
  const inert = FORMULA.test(text) ? `'${text}` : text;
  return `"${inert.replaceAll('"', '""')}"`;
}

/** Also behind white space, and in the wide forms that some spreadsheets read as the narrow ones. */
const FORMULA = /^\s*[=+\-@＝＋－＠]/u;
