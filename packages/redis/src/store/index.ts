export type { ObservedStore, RedisCallMessage } from './channels.js';
export { type RedisClient, RedisStore, type RedisStoreOptions, type RedisStoreStats } from './redis-store.js';
