/**
 * How options are checked, mistakes are told and names are kept, for stores, sources and adapters in packages of their own.
 *
 * @module
 */

export { ownCopy } from './bounded-name.js';
export { tellSafely } from './callbacks.js';
export { checkFunction, checkInteger, checkOneOf, checkOptions, checkString } from './check.js';
export {
  asError,
  closedError,
  limitsConflictError,
  optionConflictError,
  optionRangeError,
  optionTypeError,
  showName,
} from './errors.js';
