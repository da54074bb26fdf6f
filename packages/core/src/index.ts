export { type AccountLayer, type AccountSource, defineAccountLayer, type Suspension } from './account-layer.js';
export type { Charge, CounterTarget, Scope } from './charge.js';
export { type Clock, monotonicClock, wallClock } from './clock.js';
export {
  Decision,
  type DecisionSource,
  type Identity,
  type QuotaState,
  type Reason,
  type Throttled,
} from './decision.js';
export { type ErrorCode, StoreError, type StoreErrorOptions, type TollgateError } from './errors.js';
export type { Health, ShardHealth } from './health.js';
export {
  type LegsApiCategory,
  legsApiAccount,
  legsApiCategory,
  legsApiPolicy,
} from './legs-api.js';
export { RateLimiter } from './limiter.js';
export type { Comparison, LimiterEvents, LimiterStats } from './limiter-events.js';
export type { RateLimiterOptions } from './limiter-options.js';
export {
  MemoryStore,
  type MemoryStoreOptions,
  type MemoryStoreStats,
} from './memory-store.js';
export { definePolicy, Policy, type PolicyOptions } from './policy.js';
export type { CategoryLayer, Layer, Layers, Mode, QuotaList } from './policy-layer.js';
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
export type { AppliedQuota, Explained, Explanation, Limits, Resolution } from './resolution.js';
export {
  type CounterSpec,
  isPromise,
  type MaybePromise,
  type Outcome,
  type Store,
} from './store.js';
export type { StoreFailureMode, StoreFailureModes } from './store-failure.js';
export { type EscalateOptions, Throttle, type ThrottleOptions } from './throttle.js';
export { MemoryUsage, type MemoryUsageOptions, type MemoryUsageStats } from './usage/memory-usage.js';
export { readUsage, type UsageQuestion } from './usage/read-usage.js';
export { summarizeUsage } from './usage/summarize-usage.js';
export { identityOf, usageAccount } from './usage/usage-account.js';
export type { UsageOptions, UsageStats } from './usage/usage-options.js';
export type {
  UsageBusiestMinute,
  UsageCategory,
  UsageCategoryCounts,
  UsageCounts,
  UsageQuery,
  UsageReport,
  UsageStep,
  UsageStepName,
  UsageSuggestion,
} from './usage/usage-report.js';
export type {
  UsageEntry,
  UsageFailure,
  UsageFullest,
  UsageMinute,
  UsageNearest,
  UsageRefused,
  UsageStore,
  UsageTop,
} from './usage/usage-store.js';
