import type { CounterSpec, Outcome } from '@tollgate/core';

/** What the script does; the numbers are those of its ARGV. */
export const CONSUME = 0;
export const PEEK = 1;
export const REFUND = 2;
export const RECORD = 3;
export const VIOLATE = 4;
/** Charges of many accounts that are alike but for those. */
export const CONSUME_ALIKE = 5;

/** One call of a store method that waits to be sent, or to be answered. */
export interface Operation {
  readonly kind: typeof CONSUME | typeof PEEK | typeof REFUND | typeof RECORD | typeof VIOLATE;
  readonly account: string;
  readonly counters: readonly CounterSpec[];
  readonly cost: number;
  /** The instant that a refund is of, how long ago that a record is of, in ms, or how many the violations are; else 0. */
  readonly at: number;
  /** The births of the counters that a refund is of. */
  readonly births: readonly number[];
  /** When it was asked for, on the process's clock. */
  readonly askedAt: number;
  /** The account's next one, asked for after it. */
  next: Operation | undefined;
  /**
   * With the outcome of a charge or a peek; of violations, with the names of the counters that they have throttled; else with
   * nothing. Of a refused charge, `spares` has how many violations more surely do not throttle each counter that had no room.
   */
  resolve(answer: Outcome | readonly string[] | undefined, spares?: readonly number[]): void;
  reject(error: unknown): void;
}

/** Whether the script decides them in one go, one after the other. */
export function isAlike(one: Operation, other: Operation): boolean {
  return one.kind === CONSUME && other.kind === CONSUME && one.counters === other.counters && one.cost === other.cost;
}

/** An outcome that is still being put together: by assignment, since V8 makes what is spread together slowly. */
export interface OpenOutcome extends Outcome {
  throttledMs?: readonly number[];
  beganThrottling?: boolean;
}
