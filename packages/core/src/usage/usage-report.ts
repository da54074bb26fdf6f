/** Requests over some time. */
export interface UsageCounts {
  /** `admitted + refused`. */
  readonly requests: number;
  readonly admitted: number;
  readonly refused: number;
  /** Part of `admitted`. */
  readonly wouldRefuse: number;
  /** `refused / requests`; 0 where there are none. */
  readonly refusedShare: number;
}

/** The minute with the most requests; of several, the first. */
export interface UsageBusiestMinute {
  readonly minuteAt: number;
  readonly requests: number;
  /** The most requests in one second of it, in one category. */
  readonly peakPerSecond: number;
}

export interface UsageSuggestion {
  /** A limit, in requests a minute. */
  readonly perMinute: number;
  /** One sentence that says why. */
  readonly reason: string;
}

export interface UsageCategory extends UsageCounts {
  readonly category: string;
  /** Its part of all requests, from 0 to 1. */
  readonly share: number;
  /** Of the minutes in which it had requests, 95 % had at most so many. */
  readonly p95PerMinute: number;
  /** Minutes in which it had requests. */
  readonly activeMinutes: number;
  readonly busiestMinute: UsageBusiestMinute;
  /** `undefined` while too little is known. */
  readonly suggestion: UsageSuggestion | undefined;
}

export interface UsageCategoryCounts extends UsageCounts {
  readonly category: string;
}

/** One step of the series. */
export interface UsageStep extends UsageCounts {
  /** Its first instant. */
  readonly at: number;
  /** Those that had requests in it, in the order of the report's categories. */
  readonly categories: readonly UsageCategoryCounts[];
}

/** What an account asked for over some time. All times are UTC, in milliseconds since the epoch. */
export interface UsageReport {
  /** As it was asked for; of an address, the address. */
  readonly account: string;
  /** The first instant, and the one after the last; whole minutes. */
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
  readonly totals: UsageCounts;
  /** The most used first; those that are equally used by name. */
  readonly categories: readonly UsageCategory[];
  /** Over all categories; `undefined` without requests. */
  readonly busiestMinute: UsageBusiestMinute | undefined;
  /** Of the minutes in which there were requests of any category, 95 % had at most so many. 0 without requests. */
  readonly p95PerMinute: number;
  /** Minutes in which there were requests of any category. */
  readonly activeMinutes: number;
  /** Requests by weekday and hour of the day: seven rows, Monday first, of 24 hours. */
  readonly pattern: readonly (readonly number[])[];
  /** Every step from `from` to `to`, also those without requests; the first and the last may be cut off. */
  readonly series: readonly UsageStep[];
}

/** What a report is to be about. */
export interface UsageQuery {
  /** The first instant, in milliseconds since the epoch; its minute counts whole. Default: seven days before `to`. */
  readonly from?: number | undefined;
  /** The instant after the last; a minute that it cuts counts whole. Default: now. */
  readonly to?: number | undefined;
  /** How long the steps of the series are: default `'hour'`. */
  readonly step?: UsageStepName | undefined;
}

export type UsageStepName = 'minute' | 'hour' | 'day';
