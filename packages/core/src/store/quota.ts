import { checkInteger, checkOptions } from '../check.js';
import { optionRangeError, optionTypeError } from '../errors.js';

/** 2³¹ − 1: the largest limit and the largest cost. */
export const MAX_UNITS = 2_147_483_647;
export const MIN_WINDOW_MS = 100;
export const MAX_WINDOW_MS = 2_678_400_000; // 31 days
const MAX_SLICES = 16_384;
const DEFAULT_SLICES = 128;

export interface QuotaOptions {
  /** Units of cost admitted in any rolling window: an integer from 0 to 2³¹ − 1. 0 refuses everything. */
  readonly limit: number;
  /** Length of the window in milliseconds: an integer from 100 to 2678400000 (31 days). */
  readonly windowMs: number;
  /**
   * Names the quota in decisions and headers: 1 to 64 printable ASCII characters. Default: the window in words, such as
   * `per-minute`.
   */
  readonly name?: string;
  /**
   * The precision of a large limit: an integer from 1 to 16384, default 128. A limit up to `slices` is exact to the
   * millisecond. Above it, room returns late by less than `windowMs / slices`, never early. See `docs/algorithm.md`.
   */
  readonly slices?: number;
}

/** At most `limit` units of cost in any rolling `windowMs`. Immutable, and checked when it is made. */
export class Quota implements QuotaOptions {
  readonly limit: number;
  readonly windowMs: number;
  readonly name: string;
  readonly slices: number;
  readonly #sliceMs: number;
  readonly #maxSlices: number;

  /**
   * Prefer {@link perMinute} and its siblings for whole units of time. Errors name the quota by `path`.
   *
   * @throws TypeError `TOLLGATE_OPTION_TYPE` when a value is of the wrong kind, `TOLLGATE_OPTION_UNKNOWN` when an
   * option does not exist.
   * @throws RangeError `TOLLGATE_OPTION_RANGE` when a number is not whole or outside its range.
   */
  constructor(options: QuotaOptions, path = 'quota') {
    if (!isQuota(options)) checkOptions(path, options, ['limit', 'windowMs', 'name', 'slices']);
    this.limit = checkInteger(`${path}.limit`, options.limit, 0, MAX_UNITS);
    this.windowMs = checkInteger(`${path}.windowMs`, options.windowMs, MIN_WINDOW_MS, MAX_WINDOW_MS);
    const { slices = DEFAULT_SLICES, name = windowInWords(this.windowMs) } = options;
    this.slices = checkInteger(`${path}.slices`, slices, 1, MAX_SLICES);
    this.name = checkName(`${path}.name`, name);
    this.#sliceMs = this.limit <= this.slices ? 1 : Math.ceil(this.windowMs / this.slices);
    this.#maxSlices = Math.min(this.limit, this.slices + 1);
    Object.freeze(this);
  }

  /**
   * Width of one slice in milliseconds. It is 1 while the limit is at most `slices`, so that the window is an exact
   * log.
   */
  get sliceMs(): number {
    return this.#sliceMs;
  }

  /** The most slices that the window can need at once. */
  get maxSlices(): number {
    return this.#maxSlices;
  }
}

/** Checks the properties, not the class: a program may have two copies of this package. */
function isQuota(options: QuotaOptions): options is Quota {
  return typeof options === 'object' && options !== null && 'sliceMs' in options && 'maxSlices' in options;
}

/** The length of the longest window of the quotas. */
export function longestMsOf(quotas: readonly Quota[]): number {
  let longestMs = 0;
  for (const { windowMs } of quotas) longestMs = Math.max(longestMs, windowMs);
  return longestMs;
}

/** The length of the longest window of the counters. */
export function longestMsOfAll(counters: readonly { readonly quotas: readonly Quota[] }[]): number {
  let longestMs = 0;
  for (const { quotas } of counters) longestMs = Math.max(longestMs, longestMsOf(quotas));
  return longestMs;
}

export interface PerOptions {
  /** How many of the unit make one window: `perSecond(20, { every: 5 })` is 20 in any 5 seconds. Default 1. */
  readonly every?: number;
  /** See {@link QuotaOptions.name}. */
  readonly name?: string;
  /** See {@link QuotaOptions.slices}. */
  readonly slices?: number;
}

/** `limit` units in any rolling second. @example perSecond(20, { every: 5, name: 'burst' }) */
export function perSecond(limit: number, options?: PerOptions): Quota {
  return per('perSecond', SECOND_MS, limit, options);
}

/** `limit` units in any rolling minute. @example perMinute(100) */
export function perMinute(limit: number, options?: PerOptions): Quota {
  return per('perMinute', MINUTE_MS, limit, options);
}

/** `limit` units in any rolling hour. @example perHour(10_000, { slices: 3_600 }) */
export function perHour(limit: number, options?: PerOptions): Quota {
  return per('perHour', HOUR_MS, limit, options);
}

/** `limit` units in any rolling 24 hours. @example perDay(1_000_000, { every: 30 }) */
export function perDay(limit: number, options?: PerOptions): Quota {
  return per('perDay', DAY_MS, limit, options);
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

function per(factory: string, unitMs: number, limit: number, options: PerOptions = {}): Quota {
  const { every = 1, ...rest } = checkOptions(factory, options, ['every', 'name', 'slices']) as PerOptions;
  checkInteger(`${factory}.every`, every, 1, Math.floor(MAX_WINDOW_MS / unitMs));
  return new Quota({ ...rest, limit, windowMs: every * unitMs }, factory);
}

/** `per-minute`, `per-5-seconds`, `per-250-ms`. */
export function windowInWords(windowMs: number): string {
  const units: readonly (readonly [string, number])[] = [
    ['day', DAY_MS],
    ['hour', HOUR_MS],
    ['minute', MINUTE_MS],
    ['second', SECOND_MS],
  ];
  for (const [unit, unitMs] of units) {
    if (windowMs % unitMs === 0) {
      return windowMs === unitMs ? `per-${unit}` : `per-${windowMs / unitMs}-${unit}s`;
    }
  }
  return `per-${windowMs}-ms`;
}

/**
 * Names go into HTTP headers as Structured Fields strings (RFC 9651, section 3.3.3), which allow only printable ASCII.
 */
function checkName(option: string, name: unknown): string {
  const rule = '1 to 64 printable ASCII characters';
  if (typeof name !== 'string') throw optionTypeError(option, rule, name);
  if (!/^[\x20-\x7e]{1,64}$/.test(name)) throw optionRangeError(option, rule, name);
  return name;
}
