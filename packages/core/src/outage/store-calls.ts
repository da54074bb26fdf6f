import { AsyncResource } from 'node:async_hooks';
import { type Clock, monotonicClock } from '../clock.js';
import { asStoreError, isProgramsMistake, StoreError } from '../errors.js';
import { isPromise, type MaybePromise } from '../promises.js';
import type { Circuit } from './circuit.js';
import { Deadlines, type Waiter } from './deadlines.js';

/**
 * What becomes of one call. Exactly one of `answered` and `failed` is asked, for what the caller receives; after `failed`,
 * one of the late ones may follow when the store settles after all.
 */
export interface CallEnd<R> {
  isAnswer(value: unknown): boolean;
  answered(answer: unknown): R;
  failed(error: StoreError): R;
  answeredLate(answer: unknown): void;
  failedLate(error: StoreError): void;
}

/** How a call that was waited for ended: the store answered or failed, the deadline passed, or its circuit opened. */
export type CallOutcome = 'answered' | 'failed' | 'timeout' | 'abandoned';

/** Follows the calls that are waited for. */
export interface CallFollower {
  /** Whether {@link called} has a reader. */
  readonly wantsCalls: boolean;
  /** Whether a decision has a reader that needs the async context of its request. */
  readonly wantsContext: boolean;
  called(durationMs: number, outcome: CallOutcome, error: StoreError | undefined): void;
}

/** Calls of a store: each settles within the deadline, however the store behaves, and its circuit hears how it went. */
export class StoreCalls {
  readonly #timeoutMs: number;
  readonly #deadlines: Deadlines<StoreCall>;
  readonly #clock: Clock;
  readonly #follower: CallFollower | undefined;
  #failures = 0;

  constructor(timeoutMs: number, clock: Clock = monotonicClock, follower?: CallFollower) {
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#follower = follower;
    this.#deadlines = new Deadlines(timeoutMs, clock);
  }

  get wantsContext(): boolean {
    return this.#follower?.wantsContext === true;
  }

  /** How many calls have failed. */
  get failures(): number {
    return this.#failures;
  }

  /** Calls the store. Throws only what is the program's own mistake, or what the call's end throws. */
  ask<R>(circuit: Circuit, account: string, call: () => unknown, end: CallEnd<R>): MaybePromise<R> {
    let answer: unknown;
    try {
      answer = call();
    } catch (thrown) {
      return this.threw(circuit, account, thrown, end);
    }
    return isPromise(answer) ? this.wait(circuit, account, answer, end) : this.told(circuit, account, answer, end);
  }

  /** The store threw instead of answering. */
  threw<R>(circuit: Circuit, account: string, thrown: unknown, end: CallEnd<R>): R {
    if (isProgramsMistake(thrown)) throw thrown;
    const error = asStoreError(thrown);
    this.failed(circuit, account, error);
    return end.failed(error);
  }

  /** The store answered at once. */
  told<R>(circuit: Circuit, account: string, answer: unknown, end: CallEnd<R>): R {
    if (!end.isAnswer(answer)) return this.threw(circuit, account, noAnswer(), end);
    circuit.succeeded();
    return end.answered(answer);
  }

  /** The store has promised an answer. */
  wait<R>(circuit: Circuit, account: string, answer: PromiseLike<unknown>, end: CallEnd<R>): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const call = new StoreCall(this, circuit, account, end, resolve as (value: unknown) => void, reject);
      this.#deadlines.add(call);
      Promise.resolve(answer).then(
        (value) => call.settle(value),
        (thrown) => call.fail(thrown),
      );
    });
  }

  failed(circuit: Circuit, account: string, error: StoreError): void {
    this.#failures++;
    // A store that tells what is wrong with one account's data answers, and goes on answering the others.
    if (error.concerns !== 'account') circuit.failed(error, account);
  }

  /** Lets go of those who wait, of one circuit's or all: nothing better will come. */
  abandon(circuit?: Circuit): void {
    for (const call of this.#deadlines.waiting()) {
      if (circuit !== undefined && call.circuit !== circuit) continue;
      this.#deadlines.remove(call);
      call.abandon();
    }
  }

  stop(): void {
    this.abandon();
    this.#deadlines.stop();
  }

  forget(call: StoreCall): void {
    this.#deadlines.remove(call);
  }

  tell({ dueAt }: StoreCall, outcome: CallOutcome, error?: StoreError): void {
    if (!this.#follower?.wantsCalls) return;
    this.#follower.called(this.#clock() - (dueAt - this.#timeoutMs), outcome, error);
  }

  timeoutError(): StoreError {
    return new StoreError(`The store did not answer within ${this.#timeoutMs} ms`, { charged: 'unknown' });
  }
}

/** One call that waits for its answer. */
class StoreCall implements Waiter<StoreCall> {
  dueAt = 0;
  before: StoreCall | undefined = undefined;
  after: StoreCall | undefined = undefined;
  readonly circuit: Circuit;
  readonly #calls: StoreCalls;
  readonly #account: string;
  readonly #end: CallEnd<unknown>;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (reason: unknown) => void;
  #waits = true;
  /** A call that ends by a deadline ends in the context of another, and subscribers ask whose request it was. */
  readonly #context: AsyncResource | undefined;

  constructor(
    calls: StoreCalls,
    circuit: Circuit,
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

  settle(value: unknown): void {
    const end = this.#end;
    if (!isAnswer(end, value)) {
      this.fail(noAnswer());
    } else if (!this.#waits) {
      quietly(() => end.answeredLate(value));
    } else {
      this.#stopWaiting();
      this.circuit.succeeded();
      this.#calls.tell(this, 'answered');
      this.#give(value, undefined);
    }
  }

  fail(thrown: unknown): void {
    const mistake = isProgramsMistake(thrown);
    if (!this.#waits) {
      if (!mistake) quietly(() => this.#end.failedLate(asStoreError(thrown)));
      return;
    }
    this.#stopWaiting();
    if (mistake) this.#reject(thrown);
    else this.#fail(asStoreError(thrown), 'failed');
  }

  expire(): void {
    this.#waits = false;
    this.#fail(this.#calls.timeoutError(), 'timeout');
  }

  abandon(): void {
    this.#waits = false;
    const error = downError('unknown');
    this.#calls.tell(this, 'abandoned', error);
    this.#give(undefined, error);
  }

  #fail(error: StoreError, outcome: 'failed' | 'timeout'): void {
    this.#calls.tell(this, outcome, error);
    this.#calls.failed(this.circuit, this.#account, error);
    this.#give(undefined, error);
  }

  #stopWaiting(): void {
    this.#waits = false;
    this.#calls.forget(this);
  }

  /** Gives the caller what the end makes of the answer, or of the error instead of one. */
  #give(value: unknown, error: StoreError | undefined): void {
    try {
      this.#resolve(
        this.#context === undefined
          ? this.#made(value, error)
          : this.#context.runInAsyncScope(() => this.#made(value, error)),
      );
    } catch (thrown) {
      this.#reject(thrown);
    }
  }

  #made(value: unknown, error: StoreError | undefined): unknown {
    return error === undefined ? this.#end.answered(value) : this.#end.failed(error);
  }
}

/** Of a call that was not, or no longer, worth waiting for. */
export function downError(charged: 'no' | 'unknown'): StoreError {
  return new StoreError('The store is taken to be down, and was not waited for', { charged });
}

function noAnswer(): StoreError {
  return new StoreError('The store answered with something that is no answer', { charged: 'unknown' });
}

/** An answer may be anything, a getter that throws included. */
function isAnswer(end: CallEnd<unknown>, value: unknown): boolean {
  try {
    return end.isAnswer(value);
  } catch {
    return false;
  }
}

/** What happens after the caller has its answer can no longer be told to anyone. */
function quietly(late: () => void): void {
  try {
    late();
  } catch {}
}
