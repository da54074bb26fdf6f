export type { Health, HealthWatch, ShardHealth } from './health.js';
export type { CallOutcome } from './store-calls.js';
export { type GuardFollower, StoreGuard } from './store-guard.js';
