import type { Limits } from '../policy/index.js';
import type { Outcome } from '../store/index.js';

/** The outcome of a charge that no quota applies to. */
export const FREE: Outcome = {
  allowed: true,
  now: 0,
  used: [],
  resetAfterMs: [],
  retryAfterMs: 0,
  token: undefined,
};

/** What applies where no one is limited. */
export const NO_LIMITS: Limits = { counters: [], quotas: [], mode: 'enforce' };
