export {
  AccountLimits,
  type AccountLimitsOptions,
  type AccountLimitsStats,
  accountLimits,
  type FetchLimits,
} from './account-limits.js';
export {
  type ParsedLayer,
  type ParsedPolicy,
  type ParseOptions,
  parseLayer,
  parsePolicy,
} from './parse-policy.js';
export { type LoadOptions, loadPolicyFile } from './policy-file.js';
export { PolicyFileError, type PolicyProblem, type Position } from './policy-file-error.js';
export { PolicyWatch } from './policy-watch.js';
export { type WatchOptions, watchPolicyFile } from './watch-policy-file.js';
