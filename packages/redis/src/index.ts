export type {
  ChangeOptions,
  HeldLimits,
  LimitsChange,
  LimitsClient,
  LimitsState,
  RedisLimitsOptions,
} from './limits/index.js';
export { RedisLimits } from './limits/index.js';
export type { ObservedStore, RedisCallMessage } from './store/index.js';
export { type RedisClient, RedisStore, type RedisStoreOptions, type RedisStoreStats } from './store/index.js';
export type { RedisUsageOptions } from './usage/index.js';
export { RedisUsage } from './usage/index.js';
