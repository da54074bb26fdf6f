import { MAX_UNITS } from '../store/index.js';
import type { UsageSuggestion } from './usage-report.js';

/** What is known of one category. */
export interface KnownDemand {
  readonly activeMinutes: number;
  /** Requests of the busiest minute, and the 95th percentile. */
  readonly busiest: number;
  readonly p95: number;
  readonly refusedShare: number;
}

/**
 * A limit that would have held all but exceptional minutes, and a quarter more: that of the busiest minute, unless it stands
 * out by more than twice the 95th percentile. Refused requests are demand too. Nothing is suggested from fewer than 30 minutes.
 */
export function suggestLimit({ activeMinutes, busiest, p95, refusedShare }: KnownDemand): UsageSuggestion | undefined {
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

/** The next number that people use for limits. */
export function roundUp(value: number): number {
  for (let power = 1; ; power *= 10) {
    for (const tenths of USUAL_TENTHS) {
      const usual = (tenths * power) / 10;
      if (usual >= value && Number.isInteger(usual)) return usual;
    }
  }
}

const USUAL_TENTHS = [10, 12, 15, 20, 25, 30, 40, 50, 60, 80];

function show(requests: number): string {
  return requests.toLocaleString('en');
}
