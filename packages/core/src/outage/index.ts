export type { Charged } from './fallback.js';
export type { Health, HealthWatch, ShardHealth } from './health.js';
export type { CallFollower, CallOutcome } from './store-calls.js';
export { StoreGuard } from './store-guard.js';
