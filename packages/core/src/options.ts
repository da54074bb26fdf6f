/**
 * How options are checked and mistakes are told, for stores, sources and adapters in packages of their own.
 *
 * @module
 */
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
