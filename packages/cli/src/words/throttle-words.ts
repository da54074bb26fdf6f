import type { ThrottleOptions } from '@tollgate/core';
import { UsageError } from '../exit-codes.js';
import { countedDuration, parseDuration } from './duration-words.js';

export const THROTTLE_FORM = 'after=N,within=TIME,for=TIME,factor=F[,escalate=F,max=TIME]';

/**
 * Reads a throttle: `after=10,within=1m,for=5m,factor=0.5`, with `escalate=2,max=1h` for repeated throttlings, or
 * `off`. The policy checks the ranges.
 *
 * @throws UsageError when a part is missing, unknown or repeated.
 */
export function parseThrottle(words: string): ThrottleOptions | false {
  if (words.trim().toLowerCase() === 'off') return false;
  const parts = new Map<string, string>();
  for (const part of words.split(',')) {
    const [, key = '', value = ''] = /^\s*([a-z]+)\s*=\s*(\S.*?)\s*$/.exec(part) ?? [];
    if (!KEYS.includes(key) || parts.has(key)) throw malformed(words);
    parts.set(key, value);
  }
  const required = (key: string) => {
    const value = parts.get(key);
    if (value === undefined) throw malformed(words);
    return value;
  };
  const durationMs = (key: string) => parseDuration(required(key), `${key} of --throttle`);
  const escalates = parts.has('escalate') || parts.has('max');
  return {
    afterViolations: numberOf(required('after'), words),
    withinMs: durationMs('within'),
    forMs: durationMs('for'),
    factor: numberOf(required('factor'), words),
    ...(escalates && { escalate: { factor: numberOf(required('escalate'), words), maxMs: durationMs('max') } }),
  };
}

/** The inverse of {@link parseThrottle}. */
export function throttleInWords(throttle: ThrottleOptions | false | undefined): string {
  if (!throttle) return 'off';
  const { afterViolations, withinMs, forMs, factor, escalate } = throttle;
  const words = `after=${afterViolations},within=${countedDuration(withinMs)},for=${countedDuration(forMs)},factor=${factor}`;
  if (escalate === undefined) return words;
  return `${words},escalate=${escalate.factor},max=${countedDuration(escalate.maxMs)}`;
}

const KEYS: readonly string[] = ['after', 'within', 'for', 'factor', 'escalate', 'max'];

function numberOf(text: string, words: string): number {
  if (!/^\d*\.?\d+(e-?\d+)?$/.test(text)) throw malformed(words);
  return Number(text);
}

function malformed(words: string): UsageError {
  return new UsageError(`Expected --throttle to be ${THROTTLE_FORM}, or off, got ${JSON.stringify(words)}`);
}
