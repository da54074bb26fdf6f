import { type MeterProvider, metrics } from '@opentelemetry/api';
import { checkInteger, checkOptions, optionRangeError, optionTypeError } from '@tollgate/core/kit';

export interface ObserveOptions {
  /** Makes the meter. Default: the global provider, which must be registered before the call. */
  readonly meterProvider?: MeterProvider;
  /**
   * Which accounts are an attribute: a list of up to 1000 names, or how many of the first accounts to come, 0 to 1000.
   * All others are `_OTHER`. Default: accounts are no attribute.
   */
  readonly accountLabel?: readonly string[] | number;
  /** Which categories are an attribute, in the same way. Default: 64. */
  readonly categoryLabel?: readonly string[] | number;
  /** The used share of a limit from which an admitted charge counts as near it: above 0 and at most 1. Default: 0.8. */
  readonly nearLimit?: number;
  /** Whether a decision sets attributes on the active span. Default: `true`. */
  readonly spans?: boolean;
}

const OPTIONS: readonly string[] = ['meterProvider', 'accountLabel', 'categoryLabel', 'nearLimit', 'spans'];
const MAX_NAMES = 1000;

export interface CheckedOptions {
  readonly meterProvider: MeterProvider;
  readonly accountLabel: readonly string[] | number | undefined;
  readonly categoryLabel: readonly string[] | number;
  readonly nearLimit: number;
  readonly spans: boolean;
}

export function readOptions(options: ObserveOptions): CheckedOptions {
  checkOptions('observeRateLimits', options, OPTIONS);
  const { meterProvider = metrics.getMeterProvider(), accountLabel, categoryLabel = 64 } = options;
  const { nearLimit = 0.8, spans = true } = options;
  if (typeof meterProvider?.getMeter !== 'function') {
    throw optionTypeError('meterProvider', 'a MeterProvider of OpenTelemetry', meterProvider);
  }
  if (typeof spans !== 'boolean') throw optionTypeError('spans', 'true or false', spans);
  return {
    meterProvider,
    accountLabel: accountLabel === undefined ? undefined : checkNames('accountLabel', accountLabel),
    categoryLabel: checkNames('categoryLabel', categoryLabel),
    nearLimit: checkShare('nearLimit', nearLimit),
    spans,
  };
}

function checkNames(option: string, names: readonly string[] | number): readonly string[] | number {
  if (typeof names === 'number') return checkInteger(option, names, 0, MAX_NAMES);
  const rule = `an integer from 0 to ${MAX_NAMES}, or a list of at most ${MAX_NAMES} strings`;
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw optionTypeError(option, rule, names);
  }
  if (names.length > MAX_NAMES) throw optionRangeError(option, rule, names);
  return [...names];
}

function checkShare(option: string, share: number): number {
  const rule = 'a number above 0 and at most 1';
  if (typeof share !== 'number') throw optionTypeError(option, rule, share);
  if (!(share > 0 && share <= 1)) throw optionRangeError(option, rule, share);
  return share;
}
