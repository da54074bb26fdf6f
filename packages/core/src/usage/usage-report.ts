import type { UsageCorrections } from '../store/index.js';

/** Requests in a period, and the corrections of charges. */
export interface UsageCounts {
  /** `admitted + refused`. */
  readonly requests: number;
  readonly admitted: number;
  readonly refused: number;
  /** Part of `admitted`. */
  readonly wouldRefuse: number;
  /** `refused / requests`; 0 without requests. */
  readonly refusedShare: number;
  readonly corrections: UsageCorrections;
}

/**
 * The minute with the most requests; among equals, the first. In a category that has corrections alone, the first of
 * their minutes, with 0 requests.
 */
export interface UsageBusiestMinute {
  readonly minuteAt: number;
  readonly requests: number;
  /** The most requests in one second of the minute, in one category. */
  readonly peakPerSecond: number;
}

export interface UsageSuggestion {
  /** A limit, in requests a minute. */
  readonly perMinute: number;
  /** The reason, in one sentence. */
  readonly reason: string;
}

export interface UsageCategory extends UsageCounts {
  readonly category: string;
  /** The category's share of all requests, from 0 to 1; 0 without requests. */
  readonly share: number;
  /** Of the category's active minutes, 95 % had at most this many requests. */
  readonly p95PerMinute: number;
  /** Minutes with requests of the category. */
  readonly activeMinutes: number;
  readonly busiestMinute: UsageBusiestMinute;
  /** `undefined` below 30 active minutes. */
  readonly suggestion: UsageSuggestion | undefined;
}

export interface UsageCategoryCounts extends UsageCounts {
  readonly category: string;
}

/** One step of the series. */
export interface UsageStep extends UsageCounts {
  /** The first instant of the step. */
  readonly at: number;
  /** The categories with requests or corrections in this step, in the order of the report's categories. */
  readonly categories: readonly UsageCategoryCounts[];
}

/** The requests of an account in a period, and its corrections. All times are UTC, in milliseconds since the epoch. */
export interface UsageReport {
  /** The account or address of the question. */
  readonly account: string;
  /** The first instant of the period, a whole minute; `to` is the instant after the last. */
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
  readonly totals: UsageCounts;
  /** The most used category first; equals are sorted by name. */
  readonly categories: readonly UsageCategory[];
  /** Over all categories; `undefined` without requests. */
  readonly busiestMinute: UsageBusiestMinute | undefined;
  /** Of the active minutes, 95 % had at most this many requests over all categories. 0 without requests. */
  readonly p95PerMinute: number;
  /** Minutes with requests of any category. */
  readonly activeMinutes: number;
  /** Requests by weekday and hour of the day: seven rows, Monday first, of 24 hours. */
  readonly pattern: readonly (readonly number[])[];
  /** Every step from `from` to `to`, also without requests. The period may cut the first and the last one. */
  readonly series: readonly UsageStep[];
}

/** The period and the steps of a report. */
export interface UsageQuery {
  /** The first instant, in milliseconds since the epoch. Its whole minute counts. Default: seven days before `to`. */
  readonly from?: number | undefined;
  /** The instant after the last. A minute that it cuts counts whole. Default: now. */
  readonly to?: number | undefined;
  /** The length of one step of the series. Default: `'hour'`. */
  readonly step?: UsageStepName | undefined;
}

export type UsageStepName = 'minute' | 'hour' | 'day';
