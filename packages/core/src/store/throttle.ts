import { checkInteger, checkOptions } from '../check.js';
import { optionRangeError, optionTypeError } from '../errors.js';
import { MAX_WINDOW_MS, MIN_WINDOW_MS, Quota } from './quota.js';

export interface EscalateOptions {
  /** Each throttling lasts this many times as long as the one before: above 1 and at most 100. */
  readonly factor: number;
  /** The longest throttling, in milliseconds: an integer from `forMs` to 2678400000 (31 days). */
  readonly maxMs: number;
}

export interface ThrottleOptions {
  /** The number of refusals within `withinMs` that throttles a counter: an integer from 1 to 1000000. */
  readonly afterViolations: number;
  /** The rolling window that counts refusals, in milliseconds: an integer from 100 to 2678400000 (31 days). */
  readonly withinMs: number;
  /** How long the counter is then throttled, in milliseconds: an integer from 100 to 2678400000 (31 days). */
  readonly forMs: number;
  /**
   * The share of each limit that is left: from 0, which blocks, to below 1. A factor above 0 leaves at least 1 unit of
   * a limit above 0.
   */
  readonly factor: number;
  /**
   * For repeat offenders: a throttling that begins within a day of the end of the last one lasts longer than that one.
   */
  readonly escalate?: EscalateOptions;
}

/**
 * Shrinks the limits of a counter for a while after repeated violations. A violation is a refused charge, on each
 * counter that had no room for it. Immutable, and checked when it is made.
 */
export class Throttle implements ThrottleOptions {
  readonly afterViolations: number;
  readonly withinMs: number;
  readonly forMs: number;
  readonly factor: number;
  readonly escalate?: EscalateOptions;
  readonly #violations: Quota;

  /**
   * Errors name the throttle by `path`.
   *
   * @throws TypeError `TOLLGATE_OPTION_TYPE` or `TOLLGATE_OPTION_UNKNOWN`, RangeError `TOLLGATE_OPTION_RANGE`.
   */
  constructor(options: ThrottleOptions, path = 'throttle') {
    if (!isThrottle(options))
      checkOptions(path, options, ['afterViolations', 'withinMs', 'forMs', 'factor', 'escalate']);
    this.afterViolations = checkInteger(`${path}.afterViolations`, options.afterViolations, 1, 1_000_000);
    this.withinMs = checkInteger(`${path}.withinMs`, options.withinMs, MIN_WINDOW_MS, MAX_WINDOW_MS);
    this.forMs = checkInteger(`${path}.forMs`, options.forMs, MIN_WINDOW_MS, MAX_WINDOW_MS);
    this.factor = checkFactor(`${path}.factor`, options.factor, (factor) => factor >= 0 && factor < 1, SHRINKS);
    if (options.escalate !== undefined) this.escalate = checkEscalate(`${path}.escalate`, options.escalate, this.forMs);
    this.#violations = new Quota({ limit: this.afterViolations, windowMs: this.withinMs });
    Object.freeze(this);
  }

  /**
   * The quota of the sliding window that counts violations. It is not an option, so it is not in the throttle's JSON.
   */
  get violations(): Quota {
    return this.#violations;
  }

  /** What is left of a limit while its counter is throttled. */
  limitOf(limit: number): number {
    if (limit === 0 || this.factor === 0) return 0;
    return Math.max(1, wholePart(limit, this.factor));
  }

  /**
   * The duration of a throttling that begins now. `lastEndedAt` is 0 if it is the first; `lastMs` is the last duration.
   */
  durationMs(now: number, lastEndedAt: number, lastMs: number): number {
    if (this.escalate === undefined || lastEndedAt === 0 || now >= lastEndedAt + ESCALATES_WITHIN_MS) return this.forMs;
    return Math.max(this.forMs, Math.min(this.escalate.maxMs, Math.ceil(lastMs * this.escalate.factor)));
  }

  /** How long after its end a throttling may still matter. */
  get rememberedMs(): number {
    return this.escalate === undefined ? 0 : ESCALATES_WITHIN_MS;
  }
}

/** Checks the properties, not the class: a program may have two copies of this package. */
function isThrottle(options: ThrottleOptions): options is Throttle {
  return typeof options === 'object' && options !== null && 'limitOf' in options && 'durationMs' in options;
}

/** For a day after its end, a throttling lengthens the next one. */
const ESCALATES_WITHIN_MS = 86_400_000;

/**
 * A share of a limit, rounded down. A product that should be whole is whole, although 98 × (1/49) comes out just below
 * 2.
 */
export function wholePart(limit: number, share: number): number {
  return Math.floor(limit * share * (1 + 2 ** -51));
}

const SHRINKS = 'a number from 0 to below 1';

function checkEscalate(path: string, escalate: EscalateOptions, forMs: number): EscalateOptions {
  checkOptions(path, escalate, ['factor', 'maxMs']);
  const rule = 'a number above 1 and at most 100';
  return Object.freeze({
    factor: checkFactor(`${path}.factor`, escalate.factor, (factor) => factor > 1 && factor <= 100, rule),
    maxMs: checkInteger(`${path}.maxMs`, escalate.maxMs, forMs, MAX_WINDOW_MS),
  });
}

function checkFactor(option: string, factor: unknown, fits: (factor: number) => boolean, rule: string): number {
  if (typeof factor !== 'number') throw optionTypeError(option, rule, factor);
  if (!fits(factor)) throw optionRangeError(option, rule, factor);
  return factor;
}
