export type { Clock } from './clock.js';
export {
  type Charge,
  type ChargeState,
  type CounterTarget,
  Decision,
  type DecisionSource,
  type Identity,
  type QuotaState,
  RateLimitError,
  type Reason,
  type Receipt,
  type Throttled,
} from './decision/index.js';
export { type ErrorCode, StoreError, type StoreErrorOptions, type TollgateError } from './errors.js';
export { RateLimiter, type RateLimiterOptions } from './limiter/index.js';
export { MemoryStore, type MemoryStoreOptions, type MemoryStoreStats } from './memory/index.js';
export type { Comparison, LimiterEvents, LimiterStats } from './observe/index.js';
export type { Health, ShardHealth } from './outage/index.js';
export {
  type AccountLayer,
  type AccountSource,
  type AppliedQuota,
  type CategoryLayer,
  defineAccountLayer,
  definePolicy,
  type Explained,
  type Explanation,
  type Layer,
  type Layers,
  type LegsApiCategory,
  legsApiAccount,
  legsApiCategory,
  legsApiPolicy,
  type Mode,
  Policy,
  type PolicyNames,
  type PolicyOptions,
  type QuotaList,
  type StoreFailureMode,
  type StoreFailureModes,
  type Suspension,
} from './policy/index.js';
export type { MaybePromise } from './promises.js';
export {
  type CounterSpec,
  type EscalateOptions,
  limiterNameOf,
  type Outcome,
  type PerOptions,
  perDay,
  perHour,
  perMinute,
  perSecond,
  Quota,
  type QuotaOptions,
  type ReceiptClaims,
  type Store,
  Throttle,
  type ThrottleOptions,
} from './store/index.js';
