export type { ChangeOptions } from './limits/change-check.js';
export type { HeldLimits, LimitsChange } from './limits/held-limits.js';
export type { LimitsState } from './limits/limits-state.js';
export type { RedisLimitsOptions } from './limits/options.js';
export { RedisLimits } from './limits/redis-limits.js';
export type { LimitsClient } from './limits/subscription.js';
export { type RedisClient, RedisStore, type RedisStoreOptions, type RedisStoreStats } from './redis-store.js';
export type { RedisUsageOptions } from './usage/options.js';
export { RedisUsage } from './usage/redis-usage.js';
