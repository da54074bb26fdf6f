export { AccountLimits, type AccountLimitsStats, accountLimits, type FetchLimits } from './account-limits.js';
export type { AccountLimitsOptions } from './account-limits-options.js';
