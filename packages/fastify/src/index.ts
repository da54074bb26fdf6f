export {
  default,
  legsApi,
  type RateLimitOptions,
  type RouteRateLimit,
  rateLimit,
} from './rate-limit.js';
