import { type MeterProvider, metrics } from '@opentelemetry/api';
import { checkInteger, checkOptions, optionRangeError, optionTypeError } from '@tollgate/core/kit';

export interface ObserveOptions {
  /** Where meters come from. Default: the global one, which must have been registered by now. */
  readonly meterProvider?: MeterProvider;
  /**
   * Which accounts are an attribute: up to 1000 by name, or the first so many that come, from 0 to 1000. All others are
   * `_OTHER`. Default: accounts are no attribute at all.
   */
  readonly accountLabel?: readonly string[] | number;
  /** Which categories are, in the same way. Default: the first 64. */
  readonly categoryLabel?: readonly string[] | number;
  /** From which part of a limit on a charge is near it: above 0 and at most 1. Default: 0.8. */
  readonly nearLimit?: number;
  /** Whether the span that is active when a charge is decided gets attributes. Default: `true`. */
  readonly spans?: boolean;
}

const OPTIONS: readonly string[] = ['meterProvider', 'accountLabel', 'categoryLabel', 'nearLimit', 'spans'];
const MOST_NAMES = 1000;

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
  if (typeof names === 'number') return checkInteger(option, names, 0, MOST_NAMES);
  const rule = `an integer from 0 to ${MOST_NAMES}, or a list of at most as many strings`;
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw optionTypeError(option, rule, names);
  }
  if (names.length > MOST_NAMES) throw optionRangeError(option, rule, names);
  return [...names];
}

function checkShare(option: string, share: number): number {
  const rule = 'a number above 0 and at most 1';
  if (typeof share !== 'number') throw optionTypeError(option, rule, share);
  if (!(share > 0 && share <= 1)) throw optionRangeError(option, rule, share);
  return share;
}
