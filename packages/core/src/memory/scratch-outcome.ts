/**
 * The outcome of the charge at hand, as an `Outcome`. There is one for all charges, so that a charge allocates nothing: it
 * holds until the next one, and whoever keeps it copies it. Its arrays may be longer than there are quotas.
 */
export interface PassingOutcome {
  allowed: boolean;
  now: number;
  readonly used: Uint32Array;
  readonly resetAfterMs: Uint32Array;
  retryAfterMs: number;
  /** Kept by decisions, so one that is set stays as it is. */
  throttledMs: readonly number[] | undefined;
  beganThrottling: boolean;
  token: number;
  /** Where the first counter is now; −1 if it is not. */
  slot: number;
}

export function passingOutcome(): PassingOutcome {
  return {
    allowed: true,
    now: 0,
    used: new Uint32Array(MOST_QUOTAS),
    resetAfterMs: new Uint32Array(MOST_QUOTAS),
    retryAfterMs: 0,
    throttledMs: undefined,
    beganThrottling: false,
    token: 0,
    slot: -1,
  };
}

/** Has it say that a charge was admitted at `now`, until something else is known. */
export function begin(outcome: PassingOutcome, now: number, token: number, slot: number): void {
  outcome.allowed = true;
  outcome.now = now;
  outcome.retryAfterMs = 0;
  outcome.throttledMs = undefined;
  outcome.beganThrottling = false;
  outcome.token = token;
  outcome.slot = slot;
}

/** Of one charge: two counters of eight quotas each. */
const MOST_QUOTAS = 16;
