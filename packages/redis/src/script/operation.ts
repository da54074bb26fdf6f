import type { CounterSpec, Outcome } from '@tollgate/core';
import { areSame } from './counters.js';

/** The kinds of operations, as numbered in ARGV of the script. */
export const CONSUME = 0;
export const PEEK = 1;
export const REFUND = 2;
export const RECORD = 3;
export const VIOLATE = 4;
/** In ARGV only: equal charges of several accounts. */
export const CONSUME_GROUP = 5;

/** What a method of the store asks of Redis. */
export interface Request {
  readonly kind: typeof CONSUME | typeof PEEK | typeof REFUND | typeof RECORD | typeof VIOLATE;
  readonly account: string;
  readonly counters: readonly CounterSpec[];
  readonly cost: number;
  /** By the process's clock. */
  readonly askedAt: number;
  /** Of a refund: the instant of the admission, and the births of its counters. */
  readonly admittedAt?: number;
  readonly births?: readonly number[];
  /** Of a refund: takes back what this process has just reserved, so it is sent however many operations wait. */
  readonly givesBack?: boolean;
  /** Of a record: how long ago the cost was admitted. */
  readonly agoMs?: number;
  /** Of violations: their number. */
  readonly times?: number;
  /** Of a charge: is called with its result, before the caller. */
  readonly follower?: ChargeFollower;
  /** Of a charge: `drops` of the deny cache when it was asked. */
  readonly drops?: number;
}

/** Follows the results of charges. */
export interface ChargeFollower {
  admitted(charge: Request): void;
  /** Returns the outcome for the caller. */
  refused(refusal: Refusal): Outcome;
}

export interface Refusal {
  readonly charge: Request;
  readonly outcome: Outcome;
  /** How long, from the decision on, no slice leaves the charge's quotas, so that their amounts stay as they are. */
  readonly unchangedMs: number;
  /** For each counter, how many more violations cannot throttle it. */
  readonly violationsLeft: readonly number[];
}

/** One request that waits to be sent, or to be answered. */
export class Operation {
  readonly request: Request;
  /** Receives the outcome of a charge or peek, the names of the counters that violations throttled, or nothing. */
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
  /** The account's next operation in order. */
  next: Operation | undefined = undefined;

  constructor(request: Request, resolve: (answer: Answer) => void, reject: (error: unknown) => void) {
    this.request = request;
    this.resolve = resolve;
    this.reject = reject;
  }

  /** Whether both are charges that differ only in their callers. The script decides those in one step. */
  equals({ request: { kind, counters, cost } }: Operation): boolean {
    const own = this.request;
    if (own.kind !== CONSUME || kind !== CONSUME || own.cost !== cost) return false;
    return own.counters === counters || areSame(own.counters, counters);
  }
}

export type Answer = Outcome | readonly string[] | undefined;

/** An outcome under construction, by assignment: V8 is slow to spread objects into one. */
export interface OpenOutcome extends Outcome {
  throttledMs?: readonly number[];
  beganThrottling?: boolean;
}
