import type { MaybePromise } from '../promises.js';
import { type CheckedLayer, checkLayer, type Layer } from './layer.js';

/** The limits of one account, checked and ready to use; see {@link defineAccountLayer}. */
export type AccountLayer = CheckedLayer;

/**
 * Checks what holds for one account, as an entry of a policy's `accounts` would be checked. `path` is what errors call it.
 * Keep the result while it holds: requests to which the same layer applies share what was worked out for it.
 *
 * @throws TypeError or RangeError: see {@link definePolicy}.
 *
 * @example
 * const layer = defineAccountLayer({ categories: { legs: [perMinute(6000)] } });
 */
export function defineAccountLayer(layer: Layer, path = 'accounts'): AccountLayer {
  return checkLayer(path, layer);
}

/** That everyone is let through, since when, and what is known of why. */
export interface Suspension {
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly by?: string;
  readonly reason?: string;
}

/**
 * Where the limits of single accounts come from while the service runs, besides its policy. What a source says of an account
 * comes before all that the policy says of it.
 */
export interface AccountSource {
  /**
   * What holds for the account now; `undefined` where the policy alone speaks. Asked with every charge, so it answers from
   * memory where it can, and within a bounded time where it cannot. A rejection counts as `undefined`.
   *
   * @param account Any string.
   */
  layerOf(account: string): MaybePromise<AccountLayer | undefined>;

  /** While this is set, limiters that use the source let everyone through. */
  readonly suspension?: Suspension | undefined;

  /** Calls the listener when {@link suspension} begins or ends. Returns what stops that. */
  onSuspension?(listener: () => void): () => void;
}
