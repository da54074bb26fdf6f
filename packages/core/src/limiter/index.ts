export { countFunctionFailure } from './function-failures.js';
export { RateLimiter } from './limiter.js';
export type { RateLimiterOptions } from './limiter-options.js';
export { noteAsked } from './made-per-request.js';
