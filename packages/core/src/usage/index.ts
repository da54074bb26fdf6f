export { MemoryUsage, type MemoryUsageOptions, type MemoryUsageStats } from './memory-usage.js';
export { identityOf, othersOf, readUsage, type UsageQuestion, usageAccount, usagePrefixOf } from './read-usage.js';
export { summarizeUsage } from './summarize-usage.js';
export { Usage } from './usage.js';
export { type CheckedUsage, readUsageOptions, type UsageOptions, type UsageStats } from './usage-options.js';
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
} from './usage-report.js';
