import type { ScratchOutcome } from '../memory/index.js';
import type { AppliedQuota, Limits } from '../policy/index.js';
import type { Outcome } from '../store/index.js';

/** The outcome of a charge, and behind it that of the limits which are only observed. They refuse nothing. */
export function withObserved(
  limits: Limits,
  outcome: Outcome | ScratchOutcome,
  observed: Limits,
  seen: Outcome,
): { readonly limits: Limits; readonly outcome: Outcome } {
  const count = limits.quotas.length;
  const isThrottled = outcome.throttledMs !== undefined || seen.throttledMs !== undefined;
  const refusal = outcome.allowed && !seen.allowed ? seen : outcome;
  return {
    limits: together(limits, observed),
    outcome: {
      allowed: outcome.allowed,
      now: outcome.now,
      used: [...outcome.used.slice(0, count), ...seen.used],
      resetAfterMs: [...outcome.resetAfterMs.slice(0, count), ...seen.resetAfterMs],
      retryAfterMs: refusal.retryAfterMs,
      ...(isThrottled && { throttledMs: [...throttledOf(limits, outcome), ...throttledOf(observed, seen)] }),
      beganThrottling: outcome.beganThrottling === true || seen.beganThrottling === true,
      token: outcome.token,
    },
  };
}

function throttledOf({ counters }: Limits, { throttledMs }: Outcome | ScratchOutcome): readonly number[] {
  return throttledMs ?? counters.map(() => 0);
}

function together(limits: Limits, observed: Limits): Limits {
  let quotas = joinedQuotas.get(limits.quotas);
  if (quotas?.observed !== observed.quotas) {
    const before = limits.counters.length;
    quotas = {
      observed: observed.quotas,
      quotas: [...limits.quotas, ...observed.quotas],
      counterOfQuota: [...limits.counterOfQuota, ...observed.counterOfQuota.map((counter) => before + counter)],
    };
    joinedQuotas.set(limits.quotas, quotas);
  }
  return {
    counters: [...limits.counters, ...observed.counters],
    quotas: quotas.quotas,
    counterOfQuota: quotas.counterOfQuota,
    subjects: [],
    mode: limits.mode,
  };
}

/** The same list for all charges with the same limits, since texts that are made of limits are cached by it. */
const joinedQuotas = new WeakMap<
  readonly AppliedQuota[],
  Pick<Limits, 'quotas' | 'counterOfQuota'> & { readonly observed: readonly AppliedQuota[] }
>();
