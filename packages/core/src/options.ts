/**
 * How options are checked, mistakes are told and names are kept, for stores, sources and adapters in packages of their own.
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
export { ownCopy } from './names.js';
export { tellSafely } from './tell-safely.js';
