import { channel } from 'node:diagnostics_channel';

/** One call of the script has an end. Published on the channel `tollgate:redis-call`. */
export interface RedisCallMessage {
  /** The `RedisStore` itself. */
  readonly store: ObservedStore;
  /** How many operations the call has carried: charges, peeks, refunds and what else a limiter asks. */
  readonly operations: number;
  /** How many of them went along with an equal one before them, and cost Redis next to nothing. */
  readonly merged: number;
  /** From when it was given to the client until its answer was there. */
  readonly durationMs: number;
  /** Why it failed; `undefined` if Redis answered. */
  readonly error: unknown;
}

export interface RedisStoreStats {
  /** Operations that wait to be sent or to be answered. */
  readonly pending: number;
  /** Calls of the script since the store was made, and the operations that went in them. */
  readonly calls: number;
  readonly operations: number;
  /** Refusals that were known here, without asking Redis. */
  readonly denyCacheHits: number;
}

/** As much of a store as a subscriber may rely on. */
export interface ObservedStore {
  stats(): RedisStoreStats;
}

/** Begins a call, where anybody wants to know. What is returned is to be called at its end. */
export function beginCall(
  store: ObservedStore,
  operations: number,
  runs: number,
): ((error?: unknown) => void) | undefined {
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
