export { type Clock, monotonicClock, wallClock } from './clock.js';
export type { Charge, CounterTarget, Receipt, Scope } from './decision/index.js';
export {
  Decision,
  type DecisionSource,
  type Identity,
  type QuotaState,
  type Reason,
  type Throttled,
} from './decision/index.js';
export { type ErrorCode, StoreError, type StoreErrorOptions, type TollgateError } from './errors.js';
export type { RateLimiterOptions } from './limiter/index.js';
export { RateLimiter } from './limiter/index.js';
export {
  MemoryStore,
  type MemoryStoreOptions,
  type MemoryStoreStats,
} from './memory/index.js';
export type {
  ChannelMessages,
  CircuitMessage,
  Comparison,
  DecisionMessage,
  LimiterEvents,
  LimiterMessage,
  LimiterStats,
  PolicyMessage,
  StoreCallMessage,
  StoreStateMessage,
  SuspensionMessage,
  ThrottlingBegunMessage,
  ThrottlingEndedMessage,
  ToldLimiter,
} from './observe/index.js';
export type { Health, ShardHealth } from './outage/index.js';
export type {
  AppliedQuota,
  CategoryLayer,
  Explained,
  Explanation,
  Layer,
  Layers,
  Limits,
  Mode,
  QuotaList,
  Resolution,
  StoreFailureMode,
  StoreFailureModes,
} from './policy/index.js';
export {
  type AccountLayer,
  type AccountSource,
  defineAccountLayer,
  definePolicy,
  type LegsApiCategory,
  legsApiAccount,
  legsApiCategory,
  legsApiPolicy,
  Policy,
  type PolicyOptions,
  type Suspension,
} from './policy/index.js';
export { isPromise, type MaybePromise } from './promises.js';
export type {
  UsageEntry,
  UsageFailure,
  UsageFullest,
  UsageMinute,
  UsageNearest,
  UsageRefused,
  UsageStore,
  UsageTop,
} from './store/index.js';
export {
  type CounterSpec,
  type EscalateOptions,
  type Outcome,
  type PerOptions,
  perDay,
  perHour,
  perMinute,
  perSecond,
  Quota,
  type QuotaOptions,
  type Store,
  Throttle,
  type ThrottleOptions,
} from './store/index.js';
export type {
  UsageBusiestMinute,
  UsageCategory,
  UsageCategoryCounts,
  UsageCounts,
  UsageOptions,
  UsageQuery,
  UsageReport,
  UsageStats,
  UsageStep,
  UsageStepName,
  UsageSuggestion,
} from './usage/index.js';
export {
  identityOf,
  MemoryUsage,
  type MemoryUsageOptions,
  type MemoryUsageStats,
  readUsage,
  summarizeUsage,
  type UsageQuestion,
  usageAccount,
} from './usage/index.js';
