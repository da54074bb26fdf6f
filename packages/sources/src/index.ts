export type { AccountLimitsOptions } from './accounts/index.js';
export {
  AccountLimits,
  type AccountLimitsStats,
  accountLimits,
  type FetchLimits,
} from './accounts/index.js';
export {
  type LoadOptions,
  loadPolicyFile,
  type ParsedLayer,
  type ParsedPolicy,
  type ParseOptions,
  PolicyFileError,
  type PolicyProblem,
  type Position,
  parseLayer,
  parsePolicy,
} from './parse/index.js';
export { PolicyWatch, type WatchOptions, watchPolicyFile } from './watch/index.js';
