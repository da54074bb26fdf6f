export {
  type Before,
  failureOnRedis,
  heldBefore,
  type LimitsOnRedis,
  type OpenLimits,
  openLimits,
  suspensionInWords,
  withLimits,
} from './limits-on-redis.js';
export { redisFailure, shownServer } from './redis-failure.js';
export { addPrefixAndTimeout, addRedisOptions, checkedUrl, GROUP, type RedisOptions } from './redis-options.js';
