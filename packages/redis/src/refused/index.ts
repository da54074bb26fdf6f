export type { Denial } from './denial.js';
export { DenyCache } from './deny-cache.js';
export { type CountersOfAccount, UnreportedThrottlings, UnsentViolations } from './violations.js';
