import { optionRangeError, optionTypeError, showName, unknownOptionError } from './errors.js';

export type PlainObject = Readonly<Record<string, unknown>>;

/** A whole number in a closed range; the wrong kind is a `TypeError`, the wrong value a `RangeError`. */
export function checkInteger(option: string, value: unknown, min: number, max: number): number {
  // Charges are checked too, so the rule is put into words only for an error.
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  const rule = `an integer from ${min} to ${max}`;
  throw typeof value === 'number' ? optionRangeError(option, rule, value) : optionTypeError(option, rule, value);
}

export function checkFunction<F>(option: string, value: F): F {
  if (typeof value !== 'function') throw optionTypeError(option, 'a function', value);
  return value;
}

export function checkString(option: string, value: unknown): string {
  if (typeof value !== 'string') throw optionTypeError(option, 'a string', value);
  if (value === '') throw optionRangeError(option, 'a string of at least one character', value);
  return value;
}

export function checkOneOf<T>(option: string, value: unknown, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) {
    throw optionRangeError(option, `one of ${allowed.map((one) => JSON.stringify(one)).join(', ')}`, value);
  }
  return value as T;
}

/**
 * An object literal whose every key is a known option. A class instance is refused, and so is an object with a
 * prototype of its own: `{ __proto__: … }` in a literal makes one, and its keys would be ignored silently.
 */
export function checkOptions(option: string, value: unknown, known?: readonly string[]): PlainObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw optionTypeError(option, 'a plain object', value);
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw optionTypeError(option, 'a plain object', value);
  }
  if (known !== undefined) {
    for (const key of Object.keys(value)) {
      if (!known.includes(key)) throw unknownOptionError(`${option}.${showName(key)}`, known);
    }
  }
  return value as PlainObject;
}
