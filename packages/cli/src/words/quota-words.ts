import type { QuotaList, QuotaOptions } from '@tollgate/core';
import { UsageError } from '../exit-codes.js';
import { durationInWords, parseDuration } from './duration-words.js';

/**
 * Reads a list of quotas: `6000/minute,100/second`, `20/5s`, or `unlimited`. `option` is its name in errors. The policy
 * checks the ranges.
 *
 * @throws UsageError when a part is not a number and a window.
 *
 * @example
 * parseQuotas('20/5s', '--quotas'); // [{ limit: 20, windowMs: 5000 }]
 */
export function parseQuotas(words: string, option: string): QuotaList {
  if (words.trim().toLowerCase() === 'unlimited') return 'unlimited';
  return words.split(',').map((part) => parseQuota(part, option));
}

function parseQuota(part: string, option: string): QuotaOptions {
  const slash = part.indexOf('/');
  const limit = part.slice(0, Math.max(0, slash)).trim();
  if (!/^\d+$/.test(limit)) {
    throw new UsageError(
      `Expected ${option} to be quotas such as 6000/minute,100/second, or unlimited, got ${JSON.stringify(part.trim())}`,
    );
  }
  return { limit: Number(limit), windowMs: parseDuration(part.slice(slash + 1), option) };
}

/** The inverse of {@link parseQuotas}, without the names and slices of the quotas. */
export function quotasInWords(quotas: QuotaList): string {
  if (quotas === 'unlimited' || quotas.length === 0) return 'unlimited';
  return quotas.map(({ limit, windowMs }) => `${limit}/${durationInWords(windowMs)}`).join(',');
}
