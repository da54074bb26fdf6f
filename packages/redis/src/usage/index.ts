export { RedisUsage, type RedisUsageOptions } from './redis-usage.js';
