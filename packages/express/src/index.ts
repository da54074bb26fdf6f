export { legsApi, type RateLimitOptions, rateLimit } from './rate-limit.js';
