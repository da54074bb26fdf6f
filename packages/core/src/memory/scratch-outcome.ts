/**
 * The outcome of the current charge, as an `Outcome`. All charges share one, so that a charge allocates nothing. The
 * next charge overwrites it. Its arrays may be longer than there are quotas.
 */
export interface ScratchOutcome {
  allowed: boolean;
  now: number;
  readonly used: Uint32Array;
  readonly resetAfterMs: Uint32Array;
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
    used: new Uint32Array(MAX_QUOTAS),
    resetAfterMs: new Uint32Array(MAX_QUOTAS),
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

/** A charge has at most two counters of eight quotas each. */
const MAX_QUOTAS = 16;
