export { DenyCache } from './deny-cache.js';
export { UnreportedThrottlings, UnsentViolations } from './violations.js';
