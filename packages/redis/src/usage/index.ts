export { RedisUsage } from './redis-usage.js';
export type { RedisUsageOptions } from './usage-options.js';
