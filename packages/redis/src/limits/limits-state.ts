/** How this process's copy of the limits stands. */
export interface LimitsState {
  /**
   * `'loading'`: nothing is known yet. `'stale'`: the last known limits hold, and Redis has not confirmed them lately.
   * `'lost'`: they hold, and Redis has forgotten them.
   */
  readonly state: 'loading' | 'fresh' | 'stale' | 'lost';
  /** Of the latest change that is in the copy; 0 before any. */
  readonly version: number;
  /** Of how many accounts limits are known. */
  readonly accounts: number;
  /** When Redis last confirmed the copy: milliseconds since the epoch. */
  readonly loadedAt?: number;
  /** Reads of Redis since the limits were made. */
  readonly reads: number;
  /** Why Redis cannot be read, or the limits of an account cannot. */
  readonly lastError?: string;
}
