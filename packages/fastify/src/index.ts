export {
  default,
  type RateLimitOptions,
  type RouteRateLimit,
  rateLimit,
} from './rate-limit.js';
