/**
 * The outcome of the current charge, as an `Outcome`. All charges share one, so that a charge allocates nothing. The
 * next charge overwrites it. Its arrays may be longer than there are quotas.
 */
export interface ScratchOutcome {
  allowed: boolean;
  now: number;
  used: Uint32Array;
  resetAfterMs: Uint32Array;
  retryAfterMs: number;
  /** Decisions keep this array, so it is replaced, never changed. */
  throttledMs: readonly number[] | undefined;
  beganThrottling: boolean;
  token: number;
}

export function scratchOutcome(): ScratchOutcome {
  return {
    allowed: true,
    now: 0,
    used: new Uint32Array(USUAL_QUOTAS),
    resetAfterMs: new Uint32Array(USUAL_QUOTAS),
    retryAfterMs: 0,
    throttledMs: undefined,
    beganThrottling: false,
    token: 0,
  };
}

/** Makes it an admission at `now`, until a quota refuses. */
export function resetOutcome(outcome: ScratchOutcome, now: number, token: number): void {
  outcome.allowed = true;
  outcome.now = now;
  outcome.retryAfterMs = 0;
  outcome.throttledMs = undefined;
  outcome.beganThrottling = false;
  outcome.token = token;
}

/** Makes room for a charge with that many quotas. */
export function fitOutcome(outcome: ScratchOutcome, quotas: number): void {
  if (quotas <= outcome.used.length) return;
  outcome.used = new Uint32Array(2 * quotas);
  outcome.resetAfterMs = new Uint32Array(2 * quotas);
}

/** Two counters of eight quotas each. */
const USUAL_QUOTAS = 16;
