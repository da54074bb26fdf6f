import { channel } from 'node:diagnostics_channel';
import type { Decision } from '../decision/index.js';
import type { StoreError } from '../errors.js';
import type { CallOutcome, Health } from '../outage/index.js';
import type { AppliedQuota, Policy, Suspension } from '../policy/index.js';
import type { Store } from '../store/index.js';
import type { Comparison, LimiterStats } from './limiter-events.js';

/** The limiter that a message is about: the `RateLimiter` itself, reduced to what subscribers may rely on. */
export interface ObservedLimiter {
  /** Its option `name`, which distinguishes several limiters. */
  readonly name: string;
  readonly policy: Policy;
  readonly store: Store;
  health(): Health;
  stats(): LimiterStats;
}

interface LimiterPart {
  readonly limiter: ObservedLimiter;
}

/** A limiter was made or closed. During the message its counts can still be read. */
export interface LimiterMessage extends LimiterPart {
  readonly state: 'made' | 'closed';
}

/**
 * The decision on one charge, just before its caller receives it: synchronously, and in the caller's async context. A
 * decision on several charges is one message: `decision.charges` has them.
 */
export interface DecisionMessage extends LimiterPart {
  readonly decision: Decision;
}

/**
 * A charge was refunded or settled, or a debit counted. It is published when it was asked for. Of several charges with
 * one receipt, each has a message.
 */
export interface CorrectionMessage extends LimiterPart {
  readonly account: string | undefined;
  readonly address: string | undefined;
  readonly category: string;
  /** The units before: 0 for a debit. */
  readonly cost: number;
  /** The units from now on: 0 for a refund. */
  readonly actualCost: number;
}

/** Whose limits a throttling shrinks. */
interface ThrottledParty {
  /** Both `undefined` for the limits of everybody together. */
  readonly account: string | undefined;
  readonly address: string | undefined;
  /** The category of the refusal with which it began. */
  readonly category: string;
  /** The limits of the category, of the account over all categories, of a subject, or of everybody together. */
  readonly scope: AppliedQuota['scope'];
  /** With the scope `'subject'`: its kind, as the policy names it. */
  readonly subject?: string;
  /**
   * With the scope `'subject'`: its id. Clients choose ids, so there may be any number. Of an id longer than 256 UTF-16
   * units, its beginning and a digest.
   */
  readonly subjectId?: string;
}

/**
 * A throttling of a counter began with this refusal. Of a decision on several charges, account, address and category
 * are those of the charge that has the counter.
 */
export interface ThrottlingBegunMessage extends LimiterPart, ThrottledParty {
  readonly decision: Decision;
  /** The share of each limit that is left. */
  readonly factor: number;
  /** Milliseconds until the throttling expires. */
  readonly endsAfterMs: number;
}

/** A throttling is over, and its begin was published. */
export interface ThrottlingEndedMessage extends LimiterPart, ThrottledParty {
  /**
   * `'elapsed'`: it expired. `'lifted'`: `pardon`, `reset` or another policy ended it earlier. `'forgotten'`: the
   * limiter was closed, or follows more than 10000 throttlings.
   */
  readonly ended: 'elapsed' | 'lifted' | 'forgotten';
}

/** The state of the whole store changed. */
export interface StoreStateMessage extends LimiterPart {
  readonly state: Health['state'];
  readonly previous: Health['state'];
}

/** The circuit of a shard opened or closed. */
export interface CircuitMessage extends LimiterPart {
  /** The name from the store's `shardOf`; `''` for a store without shards. */
  readonly shard: string;
  readonly state: 'open' | 'closed';
}

/** An awaited call of the store ended. */
export interface StoreCallMessage extends LimiterPart {
  readonly durationMs: number;
  /** The store answered, it failed, the deadline passed, or the circuit opened meanwhile. */
  readonly outcome: CallOutcome;
  /** The error, unless it answered. */
  readonly error: StoreError | undefined;
}

/** Another policy applies from the next charge on. */
export interface PolicyMessage extends LimiterPart {
  readonly policy: Policy;
  readonly previous: Policy;
  /** The number of policies that the limiter has had, this one included. */
  readonly version: number;
}

/** Limiting is suspended, or with `undefined` enforced again. */
export interface SuspensionMessage extends LimiterPart {
  readonly suspension: Suspension | undefined;
}

/** The health of the limiter changed: a shard of its store went down or came back, or a suspension began or ended. */
export interface HealthMessage extends LimiterPart {
  readonly health: Health;
}

/** A candidate policy decided a charge beside the policy. */
export interface CandidateMessage extends LimiterPart, Comparison {}

/** The messages by the name of their channel. `docs/observability.md` describes when each is published. */
export interface ChannelMessages {
  readonly 'tollgate:limiter': LimiterMessage;
  readonly 'tollgate:decision': DecisionMessage;
  readonly 'tollgate:refusal': DecisionMessage;
  readonly 'tollgate:would-refuse': DecisionMessage;
  readonly 'tollgate:correction': CorrectionMessage;
  readonly 'tollgate:throttling-begun': ThrottlingBegunMessage;
  readonly 'tollgate:throttling-ended': ThrottlingEndedMessage;
  readonly 'tollgate:store-state': StoreStateMessage;
  readonly 'tollgate:circuit': CircuitMessage;
  readonly 'tollgate:store-call': StoreCallMessage;
  readonly 'tollgate:policy': PolicyMessage;
  readonly 'tollgate:suspension': SuspensionMessage;
  readonly 'tollgate:health': HealthMessage;
  readonly 'tollgate:candidate': CandidateMessage;
}

/**
 * This module keeps the channels, since Node drops a channel without references. Publishers check `hasSubscribers`
 * first.
 */
export const LIMITER: TypedChannel<'tollgate:limiter'> = typed('tollgate:limiter');
export const DECISION: TypedChannel<'tollgate:decision'> = typed('tollgate:decision');
export const REFUSAL: TypedChannel<'tollgate:refusal'> = typed('tollgate:refusal');
export const WOULD_REFUSE: TypedChannel<'tollgate:would-refuse'> = typed('tollgate:would-refuse');
export const CORRECTION: TypedChannel<'tollgate:correction'> = typed('tollgate:correction');
export const THROTTLING_BEGUN: TypedChannel<'tollgate:throttling-begun'> = typed('tollgate:throttling-begun');
export const THROTTLING_ENDED: TypedChannel<'tollgate:throttling-ended'> = typed('tollgate:throttling-ended');
export const STORE_STATE: TypedChannel<'tollgate:store-state'> = typed('tollgate:store-state');
export const CIRCUIT: TypedChannel<'tollgate:circuit'> = typed('tollgate:circuit');
export const STORE_CALL: TypedChannel<'tollgate:store-call'> = typed('tollgate:store-call');
export const POLICY: TypedChannel<'tollgate:policy'> = typed('tollgate:policy');
export const SUSPENSION: TypedChannel<'tollgate:suspension'> = typed('tollgate:suspension');
export const HEALTH: TypedChannel<'tollgate:health'> = typed('tollgate:health');
export const CANDIDATE: TypedChannel<'tollgate:candidate'> = typed('tollgate:candidate');

export interface TypedChannel<Name extends keyof ChannelMessages = keyof ChannelMessages> {
  readonly name: string | symbol;
  readonly hasSubscribers: boolean;
  publish(message: ChannelMessages[Name]): void;
}

function typed<Name extends keyof ChannelMessages>(name: Name): TypedChannel<Name> {
  return channel(name);
}
