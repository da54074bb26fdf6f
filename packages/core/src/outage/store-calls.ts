import { AsyncResource } from 'node:async_hooks';
import { type Clock, monotonicClock } from '../clock.js';
import { asStoreError, isProgramsMistake, StoreError } from '../errors.js';
import { isPromise, type MaybePromise } from '../promises.js';
import type { CallCircuit, Circuit } from './circuit.js';
import { Deadlines, type Waiter } from './deadlines.js';

/**
 * Makes something of the answer to a call. Exactly one of `answered` and `failed` is called, for the caller's result.
 * After `failed`, one of the late ones may follow when the store settles after all.
 */
export interface CallEnd<R> {
  isAnswer(value: unknown): boolean;
  answered(answer: unknown): R;
  failed(error: StoreError): R;
  answeredLate(answer: unknown): void;
  failedLate(error: StoreError): void;
}

/** How an awaited call ended: the store answered or failed, the deadline passed, or the circuit opened. */
export type CallOutcome = 'answered' | 'failed' | 'timeout' | 'abandoned';

/** Follows the awaited calls of a store. */
export interface CallFollower {
  /** Whether {@link called} has a subscriber. */
  readonly wantsCalls: boolean;
  /** Whether a subscriber to decisions needs the async context of the request. */
  readonly wantsContext: boolean;
  called(durationMs: number, outcome: CallOutcome, error: StoreError | undefined): void;
}

/**
 * Calls a store. Each call settles within the deadline, however the store behaves, and its circuit learns the result:
 * an outage is noticed here.
 */
export class StoreCalls {
  readonly #timeoutMs: number;
  readonly #deadlines: Deadlines<StoreCall>;
  readonly #clock: Clock;
  readonly #follower: CallFollower | undefined;
  readonly #causeOf: (account: string) => unknown;
  #failures = 0;

  /** `causeOf` returns why an account's call is not answered, or `undefined`. */
  constructor(
    timeoutMs: number,
    clock: Clock = monotonicClock,
    follower?: CallFollower,
    causeOf: (account: string) => unknown = () => undefined,
  ) {
    this.#causeOf = causeOf;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#follower = follower;
    this.#deadlines = new Deadlines(timeoutMs, clock);
  }

  get wantsContext(): boolean {
    return this.#follower?.wantsContext === true;
  }

  /** The number of failed calls. */
  get failures(): number {
    return this.#failures;
  }

  /** Calls the store. Throws only for a mistake of the program, or what `end` throws. */
  ask<R>(circuit: CallCircuit, account: string, call: () => unknown, end: CallEnd<R>): MaybePromise<R> {
    let answer: unknown;
    try {
      answer = call();
    } catch (thrown) {
      return this.threw(circuit, account, thrown, end);
    }
    return this.settle(circuit, account, answer, end);
  }

  /** The store has returned an answer, or a promise of one. */
  settle<R>(circuit: CallCircuit, account: string, answer: unknown, end: CallEnd<R>): MaybePromise<R> {
    if (isPromise(answer)) return this.#wait(circuit, account, answer, end);
    if (!end.isAnswer(answer)) return this.threw(circuit, account, wrongAnswer(), end);
    circuit.succeeded();
    return end.answered(answer);
  }

  /** The store threw instead of answering. */
  threw<R>(circuit: CallCircuit, account: string, thrown: unknown, end: CallEnd<R>): R {
    if (isProgramsMistake(thrown)) throw thrown;
    const error = asStoreError(thrown);
    this.failed(circuit, account, error);
    return end.failed(error);
  }

  failed(circuit: CallCircuit, account: string, error: StoreError): void {
    // The process asks for more at once than the store lets wait. That is no failure of the store.
    if (error.concerns === 'charge') return;
    this.#failures++;
    // A store that reports one account's data as broken does answer, and keeps answering the others.
    if (error.concerns !== 'account') circuit.failed(error, account);
  }

  /** Ends the waiting calls of a circuit, or all: no better answer will come. */
  abandon(circuit?: Circuit): void {
    for (const call of this.#deadlines.waiting()) {
      if (circuit !== undefined && !call.circuit.includes(circuit)) continue;
      this.#deadlines.remove(call);
      call.abandon();
    }
  }

  stop(): void {
    this.abandon();
    this.#deadlines.stop();
  }

  remove(call: StoreCall): void {
    this.#deadlines.remove(call);
  }

  report({ startedAt }: StoreCall, outcome: CallOutcome, error?: StoreError): void {
    if (!this.#follower?.wantsCalls) return;
    this.#follower.called(this.#clock() - startedAt, outcome, error);
  }

  timeoutError(account: string): StoreError {
    const cause = this.#knownCause(account);
    return new StoreError(`The store did not answer within ${this.#timeoutMs} ms`, {
      charged: 'unknown',
      ...(cause !== undefined && { cause }),
    });
  }

  /** A store may be anything, and its method may throw. */
  #knownCause(account: string): unknown {
    try {
      return this.#causeOf(account);
    } catch {
      return undefined;
    }
  }

  #wait<R>(circuit: CallCircuit, account: string, answer: PromiseLike<unknown>, end: CallEnd<R>): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const call = new StoreCall(this, circuit, account, end, resolve as (value: unknown) => void, reject);
      this.#deadlines.add(call);
      Promise.resolve(answer).then(
        (value) => call.answered(value),
        (thrown) => call.threw(thrown),
      );
    });
  }
}

/** One call that waits for its answer. */
class StoreCall implements Waiter<StoreCall> {
  startedAt = 0;
  dueAt = 0;
  before: StoreCall | undefined = undefined;
  after: StoreCall | undefined = undefined;
  readonly circuit: CallCircuit;
  readonly #calls: StoreCalls;
  readonly #account: string;
  readonly #end: CallEnd<unknown>;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (reason: unknown) => void;
  #isWaiting = true;
  /** The request's async context. A call that ends by a deadline ends in the context of another request. */
  readonly #context: AsyncResource | undefined;

  constructor(
    calls: StoreCalls,
    circuit: CallCircuit,
    account: string,
    end: CallEnd<unknown>,
    resolve: (value: unknown) => void,
    reject: (reason: unknown) => void,
  ) {
    this.circuit = circuit;
    this.#calls = calls;
    this.#account = account;
    this.#end = end;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#context = calls.wantsContext ? new AsyncResource('TollgateStoreCall') : undefined;
  }

  answered(value: unknown): void {
    const end = this.#end;
    if (!isAnswer(end, value)) {
      this.threw(wrongAnswer());
    } else if (!this.#isWaiting) {
      ignoreErrors(() => end.answeredLate(value));
    } else {
      this.#stopWaiting();
      this.circuit.succeeded();
      this.#calls.report(this, 'answered');
      this.#resolveWith(value, undefined);
    }
  }

  threw(thrown: unknown): void {
    const isMistake = isProgramsMistake(thrown);
    if (!this.#isWaiting) {
      if (!isMistake) ignoreErrors(() => this.#end.failedLate(asStoreError(thrown)));
      return;
    }
    this.#stopWaiting();
    if (isMistake) this.#reject(thrown);
    else this.#failed(asStoreError(thrown), 'failed');
  }

  expire(): void {
    this.#isWaiting = false;
    this.#failed(this.#calls.timeoutError(this.#account), 'timeout');
  }

  abandon(): void {
    this.#isWaiting = false;
    const error = downError('unknown');
    this.#calls.report(this, 'abandoned', error);
    this.#resolveWith(undefined, error);
  }

  #failed(error: StoreError, outcome: 'failed' | 'timeout'): void {
    this.#calls.report(this, outcome, error);
    this.#calls.failed(this.circuit, this.#account, error);
    this.#resolveWith(undefined, error);
  }

  #stopWaiting(): void {
    this.#isWaiting = false;
    this.#calls.remove(this);
  }

  #resolveWith(answer: unknown, error: StoreError | undefined): void {
    try {
      const context = this.#context;
      this.#resolve(
        context === undefined ? this.#make(answer, error) : context.runInAsyncScope(() => this.#make(answer, error)),
      );
    } catch (thrown) {
      this.#reject(thrown);
    }
  }

  #make(answer: unknown, error: StoreError | undefined): unknown {
    return error === undefined ? this.#end.answered(answer) : this.#end.failed(error);
  }
}

/** The error of a call that nobody waits for, because the store is down. */
export function downError(charged: 'no' | 'unknown'): StoreError {
  return new StoreError('The store is taken to be down, and was not waited for', { charged });
}

/** For calls whose late answers change nothing. */
export const IGNORE_LATE: Pick<CallEnd<never>, 'answeredLate' | 'failedLate'> = {
  answeredLate: () => {},
  failedLate: () => {},
};

/** For calls that are either done or rejected. */
export const VOID_CALL: CallEnd<undefined> = {
  ...IGNORE_LATE,
  isAnswer: () => true,
  answered: () => undefined,
  failed: (error: StoreError) => Promise.reject(error) as never,
};

function wrongAnswer(): StoreError {
  return new StoreError('The store answered with something that is no answer', { charged: 'unknown' });
}

/** An answer may be anything, even an object with a getter that throws. */
function isAnswer(end: CallEnd<unknown>, value: unknown): boolean {
  try {
    return end.isAnswer(value);
  } catch {
    return false;
  }
}

/** The caller has its decision already, so nobody could receive an error of a late answer. */
function ignoreErrors(late: () => void): void {
  try {
    late();
  } catch {}
}
