/**
 * How options are checked and mistakes are told, for stores and adapters in packages of their own.
 *
 * @module
 */
export { checkFunction, checkInteger, checkOneOf, checkOptions, checkString } from './check.js';
export {
  closedError,
  limitsConflictError,
  optionConflictError,
  optionRangeError,
  optionTypeError,
  showName,
} from './errors.js';
