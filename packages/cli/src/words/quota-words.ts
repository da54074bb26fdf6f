import type { QuotaList, QuotaOptions } from '@tollgate/core';
import { UsageError } from '../exit-codes.js';
import { durationInWords, parseDuration } from './duration-words.js';

/**
 * Reads a list of quotas as people write it on a command line: `6000/minute,100/second`, `20/5s`, or `unlimited`. `option`
 * is what errors call it; whether the numbers are in range is for the policy's own checks.
 *
 * @throws UsageError when a part of it is no number of units and a window.
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

/** The words for a list of quotas: what {@link parseQuotas} reads as the same, but for their names and slices. */
export function quotasInWords(quotas: QuotaList): string {
  if (quotas === 'unlimited' || quotas.length === 0) return 'unlimited';
  return quotas.map(({ limit, windowMs }) => `${limit}/${durationInWords(windowMs)}`).join(',');
}
