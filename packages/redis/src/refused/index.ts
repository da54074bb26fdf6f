export { BegunThrottlings } from './begun-throttlings.js';
export { DenyCache } from './deny-cache.js';
export { UnsentViolations } from './unsent-violations.js';
