export type { ChangeOptions } from './change-check.js';
export type { HeldLimits, LimitsChange } from './held-limits.js';
export type { RedisLimitsOptions } from './limits-options.js';
export type { LimitsState } from './limits-state.js';
export { RedisLimits } from './redis-limits.js';
export type { LimitsClient } from './subscription.js';
