import type { Clock } from '../clock.js';

/** A call with a deadline. The fields belong to {@link Deadlines}. */
export interface Waiter<W> {
  dueAt: number;
  before: W | undefined;
  after: W | undefined;
  /** Called when the deadline has passed. The waiter has been removed already. */
  expire(): void;
}

/**
 * Deadlines of many calls with one timer. All calls wait equally long, so they come due in the order in which they
 * started: the timer waits for the first. A timer for each call would cost more than the call.
 */
export class Deadlines<W extends Waiter<W>> {
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #first: W | undefined;
  #last: W | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(timeoutMs: number, clock: Clock) {
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  add(waiter: W): void {
    waiter.dueAt = this.#clock() + this.#timeoutMs;
    waiter.before = this.#last;
    waiter.after = undefined;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.after = waiter;
    this.#last = waiter;
    if (this.#timer === undefined) this.#arm(this.#timeoutMs);
    // A waiter keeps the process alive: a program that awaits a silent store must not end before its decision.
    else if (waiter === this.#first) this.#timer.ref();
  }

  remove(waiter: W): void {
    if (waiter.before === undefined) this.#first = waiter.after;
    else waiter.before.after = waiter.after;
    if (waiter.after === undefined) this.#last = waiter.before;
    else waiter.after.before = waiter.before;
    waiter.before = undefined;
    waiter.after = undefined;
    // The timer stays for the next waiter: a busy store would start and stop one with every call.
    if (this.#first === undefined) this.#timer?.unref();
  }

  /** All waiters, the oldest first. */
  waiting(): W[] {
    const waiting: W[] = [];
    for (let waiter = this.#first; waiter !== undefined; waiter = waiter.after) waiting.push(waiter);
    return waiting;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(ms: number): void {
    // When the process itself was busy, answers may lie unread. Node reads them between a timer and an immediate.
    this.#timer = setTimeout(() => setImmediate(() => this.#expireDue()), ms);
  }

  #expireDue(): void {
    this.#timer = undefined;
    const now = this.#clock();
    // Timers count in whole milliseconds, and may fire a fraction of one too early.
    for (let waiter = this.#first; waiter !== undefined && waiter.dueAt < now + 1; waiter = this.#first) {
      this.remove(waiter);
      waiter.expire();
    }
    if (this.#first !== undefined && this.#timer === undefined)
      this.#arm(Math.max(1, Math.ceil(this.#first.dueAt - now)));
  }
}
