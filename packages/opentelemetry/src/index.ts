export { ATTRIBUTES, METRICS } from './metric-table.js';
export type { ObserveOptions } from './observe-options.js';
export { type Observation, observeRateLimits } from './observe-rate-limits.js';
