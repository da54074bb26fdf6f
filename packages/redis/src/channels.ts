import { channel } from 'node:diagnostics_channel';
import type { RedisStoreStats } from './redis-store.js';

/** One call of the script has an end. Published on the channel `tollgate:redis-call`. */
export interface RedisCallMessage {
  /** The `RedisStore` itself. */
  readonly store: ToldStore;
  /** How many operations the call has carried: charges, peeks, refunds and what else a limiter asks. */
  readonly operations: number;
  /** How many of them went along with an equal one before them, and cost Redis next to nothing. */
  readonly merged: number;
  /** From when it was given to the client until its answer was there. */
  readonly durationMs: number;
  /** Why it failed; `undefined` if Redis answered. */
  readonly error: unknown;
}

/** As much of a store as a subscriber may rely on. */
export interface ToldStore {
  stats(): RedisStoreStats;
}

/** Begins a call, where anybody wants to know. What is returned is to be called at its end. */
export function beginCall(store: ToldStore, operations: number, runs: number): ((error?: unknown) => void) | undefined {
  if (!CALL.hasSubscribers) return undefined;
  const begunAt = performance.now();
  return (error) => {
    const message: RedisCallMessage = {
      store,
      operations,
      merged: operations - runs,
      durationMs: performance.now() - begunAt,
      error,
    };
    CALL.publish(message);
  };
}

const CALL = channel('tollgate:redis-call');
