import { Decision, type QuotaState } from '../decision/index.js';
import type { Limits } from '../policy/index.js';

/** What headers say of limits, whatever is used of them. */
export interface LimitsText {
  /** `RateLimit-Policy`. */
  readonly policy: string;
  /** The names of the quotas, as strings of Structured Fields (RFC 9651). */
  readonly names: readonly string[];
}

/** Made once for all requests to which the same limits apply. */
export function limitsText(decision: Decision): LimitsText {
  const limits = Decision.limitsOf(decision);
  let text = made.get(limits);
  if (text === undefined) {
    const names = limits.quotas.map(({ name }) => `"${name.replace(/["\\]/g, '\\$&')}"`);
    text = { policy: policyText(names, limits.quotas), names };
    made.set(limits, text);
  }
  // Shrunk limits hold for a while, and for one account.
  return decision.throttled === undefined ? text : { ...text, policy: policyText(text.names, decision.quotas) };
}

const made = new WeakMap<Limits, LimitsText>();

/** `w` is in whole seconds, so a window that is not is left unstated rather than misstated. */
function policyText(names: readonly string[], quotas: readonly Pick<QuotaState, 'limit' | 'windowMs'>[]): string {
  return quotas
    .map(({ limit, windowMs }, index) => {
      const window = windowMs % 1000 === 0 ? `;w=${windowMs / 1000}` : '';
      return `${names[index]!};q=${limit}${window}`;
    })
    .join(',');
}
