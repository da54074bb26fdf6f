import type { CounterSpec, Outcome } from '@tollgate/core';
import { CONSUME, type Operation } from '../script/index.js';

/** Takes note of a refusal; what is returned is what is answered. */
export type Learn = (refused: Consumption, outcome: Outcome, spares: readonly number[]) => Outcome;

/** A charge on its way to Redis and back. */
export class Consumption implements Operation {
  readonly kind: typeof CONSUME = CONSUME;
  readonly account: string;
  readonly counters: readonly CounterSpec[];
  readonly cost: number;
  readonly at = 0;
  readonly births: readonly number[] = NONE;
  readonly askedAt: number;
  next: Operation | undefined = undefined;
  readonly reject: (error: unknown) => void;
  /** How often the deny cache had dropped something when it was asked for. */
  readonly drops: number;
  readonly #learn: Learn;
  readonly #resolve: (outcome: Outcome) => void;

  constructor(
    account: string,
    counters: readonly CounterSpec[],
    cost: number,
    askedAt: number,
    drops: number,
    learn: Learn,
    resolve: (outcome: Outcome) => void,
    reject: (error: unknown) => void,
  ) {
    this.account = account;
    this.counters = counters;
    this.cost = cost;
    this.askedAt = askedAt;
    this.drops = drops;
    this.#learn = learn;
    this.#resolve = resolve;
    this.reject = reject;
  }

  resolve(outcome: Outcome, spares: readonly number[] = NONE): void {
    this.#resolve(outcome.allowed ? outcome : this.#learn(this, outcome, spares));
  }
}

const NONE: readonly number[] = [];
