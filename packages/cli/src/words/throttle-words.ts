import type { ThrottleOptions } from '@tollgate/core';
import { UsageError } from '../exit-codes.js';
import { countedDuration, parseDuration } from './duration-words.js';

export const THROTTLE_FORM = 'after=N,within=TIME,for=TIME,factor=F[,escalate=F,max=TIME]';

/**
 * Reads what repeated violations lead to: `after=10,within=1m,for=5m,factor=0.5`, with `escalate=2,max=1h` for repeat
 * offenders, or `off`. Whether the numbers are in range is for the policy's own checks.
 *
 * @throws UsageError when a part is missing, unknown or said twice.
 */
export function parseThrottle(words: string): ThrottleOptions | false {
  if (words.trim().toLowerCase() === 'off') return false;
  const said = new Map<string, string>();
  for (const part of words.split(',')) {
    const [, key = '', value = ''] = /^\s*([a-z]+)\s*=\s*(\S.*?)\s*$/.exec(part) ?? [];
    if (!KEYS.includes(key) || said.has(key)) throw malformed(words);
    said.set(key, value);
  }
  const required = (key: string) => {
    const value = said.get(key);
    if (value === undefined) throw malformed(words);
    return value;
  };
  const durationMs = (key: string) => parseDuration(required(key), `${key} of --throttle`);
  const escalates = said.has('escalate') || said.has('max');
  return {
    afterViolations: numberOf(required('after'), words),
    withinMs: durationMs('within'),
    forMs: durationMs('for'),
    factor: numberOf(required('factor'), words),
    ...(escalates && { escalate: { factor: numberOf(required('escalate'), words), maxMs: durationMs('max') } }),
  };
}

/** What {@link parseThrottle} reads as the same. */
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
