export type {
  ChangeOptions,
  LimitsChange,
  LimitsClient,
  LimitsState,
  RedisLimitsOptions,
  StoredLimits,
} from './limits/index.js';
export { RedisLimits } from './limits/index.js';
export type { ObservedStore, RedisCallMessage } from './store/index.js';
export { type RedisClient, RedisStore, type RedisStoreOptions, type RedisStoreStats } from './store/index.js';
export { RedisUsage, type RedisUsageOptions } from './usage/index.js';
