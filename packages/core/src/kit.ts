/**
 * Parts that Tollgate's own packages share: checks of options, errors, names, clocks. No promise is made for them, and
 * they may change in any release.
 *
 * @module
 */
export { ownCopy } from './bounded-name.js';
export { callSafely } from './callbacks.js';
export { checkFunction, checkInteger, checkOneOf, checkOptions, checkString } from './check.js';
export { monotonicClock, wallClock } from './clock.js';
export type { Scope, Subjects } from './decision/index.js';
export { entryOf } from './entry-of.js';
export {
  asError,
  closedError,
  limitsConflictError,
  optionConflictError,
  optionRangeError,
  optionTypeError,
  pageOf,
  showName,
} from './errors.js';
export type { Block, ExplainedCounter, Limits, PartyLayer, Resolution, SubjectLayer, Until } from './policy/index.js';
export { isPromise, within } from './promises.js';
export { addCorrections, counterPrefixOf, MAX_WINDOW_MS, partsOfSubjectCounter, requestsOf } from './store/index.js';
export { othersOf, usagePrefixOf } from './usage/index.js';
export { causeInWords, OutageWarnings, warn } from './warnings.js';
