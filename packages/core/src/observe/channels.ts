import { channel } from 'node:diagnostics_channel';
import type { Decision } from '../decision/index.js';
import type { StoreError } from '../errors.js';
import type { CallOutcome, Health } from '../outage/index.js';
import type { AppliedQuota, Policy, Suspension } from '../policy/index.js';
import type { Store } from '../store/index.js';
import type { LimiterStats } from './limiter-events.js';

/** The limiter that a message is of: the `RateLimiter` itself, and as much of it as a subscriber may rely on. */
export interface ObservedLimiter {
  /** Its option `name`, so that several can be told apart. */
  readonly name: string;
  readonly policy: Policy;
  readonly store: Store;
  health(): Health;
  stats(): LimiterStats;
}

interface OfLimiter {
  readonly limiter: ObservedLimiter;
}

/** A limiter is there from now on, or is no more: what it has counted can still be read during the message. */
export interface LimiterMessage extends OfLimiter {
  readonly state: 'made' | 'closed';
}

/** One charge, as its caller is about to receive it: synchronously, and in the caller's async context. */
export interface DecisionMessage extends OfLimiter {
  readonly decision: Decision;
}

/** A counter is throttled from this refusal on. */
export interface ThrottlingBegunMessage extends OfLimiter {
  readonly decision: Decision;
  /** Whose limits are shrunk: the category's, or those of the account over all categories. */
  readonly scope: AppliedQuota['scope'];
  /** What is left of each limit meanwhile. */
  readonly factor: number;
  /** Milliseconds until it ends by itself. */
  readonly endsAfterMs: number;
}

/** A throttling whose begin was told has been noticed to be over. */
export interface ThrottlingEndedMessage extends OfLimiter {
  readonly account: string | undefined;
  readonly address: string | undefined;
  /** That of the refusal with which it began. */
  readonly category: string;
  readonly scope: AppliedQuota['scope'];
  /**
   * Its time was up; it was lifted before, by `pardon`, `reset` or another policy; or nobody follows it any more, because the
   * limiter was closed or has more than 10000 of them.
   */
  readonly ended: 'elapsed' | 'lifted' | 'forgotten';
}

/** The store as a whole is in another state. */
export interface StoreStateMessage extends OfLimiter {
  readonly state: Health['state'];
  readonly previous: Health['state'];
}

/** A part of the store is no longer asked, or is asked again. */
export interface CircuitMessage extends OfLimiter {
  /** As the store's `shardOf` names it; `''` for a store that is one whole. */
  readonly shard: string;
  readonly state: 'open' | 'closed';
}

/** A call of the store that had to be waited for has an end. */
export interface StoreCallMessage extends OfLimiter {
  readonly durationMs: number;
  /** The store answered; it failed; it was too late; or its circuit opened, and nobody waits any more. */
  readonly outcome: CallOutcome;
  /** Why, unless it answered. */
  readonly error: StoreError | undefined;
}

/** Another policy decides from the next charge on. */
export interface PolicyMessage extends OfLimiter {
  readonly policy: Policy;
  readonly previous: Policy;
  /** How many policies the limiter has had, this one included. */
  readonly version: number;
}

/** Limiting is suspended, or, with `undefined`, goes on. */
export interface SuspensionMessage extends OfLimiter {
  readonly suspension: Suspension | undefined;
}

/** What is published, by the name of the channel. `docs/observability.md` says when. */
export interface ChannelMessages {
  readonly 'tollgate:limiter': LimiterMessage;
  readonly 'tollgate:decision': DecisionMessage;
  readonly 'tollgate:refusal': DecisionMessage;
  readonly 'tollgate:would-refuse': DecisionMessage;
  readonly 'tollgate:throttling-begun': ThrottlingBegunMessage;
  readonly 'tollgate:throttling-ended': ThrottlingEndedMessage;
  readonly 'tollgate:store-state': StoreStateMessage;
  readonly 'tollgate:circuit': CircuitMessage;
  readonly 'tollgate:store-call': StoreCallMessage;
  readonly 'tollgate:policy': PolicyMessage;
  readonly 'tollgate:suspension': SuspensionMessage;
}

/** Held by this module, since Node forgets a channel that nobody holds. Whoever publishes asks `hasSubscribers` first. */
export const LIMITER: TypedChannel<'tollgate:limiter'> = typed('tollgate:limiter');
export const DECISION: TypedChannel<'tollgate:decision'> = typed('tollgate:decision');
export const REFUSAL: TypedChannel<'tollgate:refusal'> = typed('tollgate:refusal');
export const WOULD_REFUSE: TypedChannel<'tollgate:would-refuse'> = typed('tollgate:would-refuse');
export const THROTTLING_BEGUN: TypedChannel<'tollgate:throttling-begun'> = typed('tollgate:throttling-begun');
export const THROTTLING_ENDED: TypedChannel<'tollgate:throttling-ended'> = typed('tollgate:throttling-ended');
export const STORE_STATE: TypedChannel<'tollgate:store-state'> = typed('tollgate:store-state');
export const CIRCUIT: TypedChannel<'tollgate:circuit'> = typed('tollgate:circuit');
export const STORE_CALL: TypedChannel<'tollgate:store-call'> = typed('tollgate:store-call');
export const POLICY: TypedChannel<'tollgate:policy'> = typed('tollgate:policy');
export const SUSPENSION: TypedChannel<'tollgate:suspension'> = typed('tollgate:suspension');

interface TypedChannel<Name extends keyof ChannelMessages> {
  readonly hasSubscribers: boolean;
  publish(message: ChannelMessages[Name]): void;
}

function typed<Name extends keyof ChannelMessages>(name: Name): TypedChannel<Name> {
  return channel(name);
}
