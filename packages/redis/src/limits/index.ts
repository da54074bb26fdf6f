export type { ChangeOptions, RedisLimitsOptions } from './limits-options.js';
export { type LimitsState, RedisLimits } from './redis-limits.js';
export type { LimitsChange, StoredLimits } from './stored-limits.js';
export type { LimitsClient } from './subscription.js';
