export type { Health, HealthReport, ShardHealth } from './health-report.js';
export type { CallOutcome } from './store-calls.js';
export { type GuardFollower, StoreGuard } from './store-guard.js';
