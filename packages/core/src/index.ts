export { type Clock, monotonicClock, wallClock } from './clock.js';
export {
  Decision,
  type DecisionSource,
  type Identity,
  type QuotaState,
  type Reason,
} from './decision.js';
export { type ErrorCode, StoreError, type StoreErrorOptions, type TollgateError } from './errors.js';
export type { Health, HealthListener, ShardHealth } from './health.js';
export {
  type LegsApiCategory,
  legsApiAccount,
  legsApiCategory,
  legsApiPolicy,
} from './legs-api.js';
export {
  type Charge,
  RateLimiter,
  type RateLimiterOptions,
  type ResetTarget,
  type Scope,
} from './limiter.js';
export {
  MemoryStore,
  type MemoryStoreOptions,
  type MemoryStoreStats,
} from './memory-store.js';
export {
  type AppliedQuota,
  definePolicy,
  type Limits,
  Policy,
  type PolicyOptions,
  type Resolution,
} from './policy.js';
export type { Layer, Layers, QuotaList } from './policy-layer.js';
export {
  type PerOptions,
  perDay,
  perHour,
  perMinute,
  perSecond,
  Quota,
  type QuotaOptions,
} from './quota.js';
export type { Receipt } from './receipt.js';
export {
  type CounterSpec,
  isPromise,
  type MaybePromise,
  type Outcome,
  type Store,
} from './store.js';
export type { StoreFailureMode, StoreFailureModes } from './store-failure.js';
