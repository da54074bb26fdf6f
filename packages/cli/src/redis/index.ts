export { asRedisFailure, redisFailure, shownServer } from './redis-failure.js';
export { addPrefixAndTimeout, addRedisOptions, checkedUrl, GROUP, type RedisOptions } from './redis-options.js';
export {
  openRedis,
  type PreviousLimits,
  previousLimits,
  type RedisSession,
  suspensionInWords,
  withRedis,
} from './redis-session.js';
