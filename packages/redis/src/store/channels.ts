import { channel } from 'node:diagnostics_channel';
import type { Clock } from '@tollgate/core';

/** Published on the channel `tollgate:redis-call` when a call of the script has ended. */
export interface RedisCallMessage {
  /** The `RedisStore` itself. */
  readonly store: ObservedStore;
  /** The number of operations in the call: charges, peeks, refunds, records and violations. */
  readonly operations: number;
  /** The number of operations that were equal to the one before them, and cost Redis next to nothing. */
  readonly merged: number;
  /** From the call's start, when the client received it, to its end. */
  readonly durationMs: number;
  /** Why it failed; `undefined` if Redis answered. */
  readonly error: unknown;
}

export interface RedisStoreStats {
  /** Operations that wait to be sent or to be answered. */
  readonly pending: number;
  /** Calls of the script since the store was made. */
  readonly calls: number;
  /** Operations in those calls. */
  readonly operations: number;
  /** Refusals without asking Redis. */
  readonly denyCacheHits: number;
}

/** The members of a store that subscribers may rely on. */
export interface ObservedStore {
  stats(): RedisStoreStats;
}

/** Notes the start of a call, if the channel has subscribers. The returned function publishes its end. */
export function beginCall(
  store: ObservedStore,
  { operations, steps }: { readonly operations: number; readonly steps: number },
  clock: Clock,
): ((error?: unknown) => void) | undefined {
  if (!CALL.hasSubscribers) return undefined;
  const begunAt = clock();
  return (error) => {
    const durationMs = clock() - begunAt;
    const message: RedisCallMessage = { store, operations, merged: operations - steps, durationMs, error };
    CALL.publish(message);
  };
}

const CALL = channel('tollgate:redis-call');
