/**
 * Usage: what each account has asked for, where it is kept, and the reports made of it. `docs/usage.md` shows how to
 * use it.
 *
 * @module
 */
export {
  OTHER_ACCOUNTS,
  type UsageCorrections,
  type UsageEntry,
  type UsageFailure,
  type UsageFullest,
  type UsageMinute,
  type UsageNearest,
  type UsageRefused,
  type UsageStore,
  type UsageTop,
} from './store/index.js';
export {
  identityOf,
  MemoryUsage,
  type MemoryUsageOptions,
  type MemoryUsageStats,
  readUsage,
  summarizeUsage,
  type UsageBusiestMinute,
  type UsageCategory,
  type UsageCategoryCounts,
  type UsageCounts,
  type UsageOptions,
  type UsageQuery,
  type UsageQuestion,
  type UsageReport,
  type UsageStats,
  type UsageStep,
  type UsageStepName,
  type UsageSuggestion,
  usageAccount,
} from './usage/index.js';
