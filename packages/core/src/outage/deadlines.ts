import type { Clock } from '../clock.js';

/** A call with a deadline. The fields belong to {@link Deadlines}. */
export interface Waiter<W> {
  /** By the clock. */
  startedAt: number;
  /** In counted time. */
  dueAt: number;
  before: W | undefined;
  after: W | undefined;
  /** Called when the deadline has passed. The waiter has been removed already. */
  expire(): void;
}

/**
 * Deadlines of many calls with one timer. All calls wait equally long, so they come due in the order in which they
 * started. A timer for each call would cost more than the call.
 *
 * A busy process can neither send a call nor read its answer, and that must not be blamed on the store. So the timer
 * counts time in small steps, and a step counts twice its length at most, however late it comes. A call comes due only
 * after the process could send it, and could read the answer, several times.
 */
export class Deadlines<W extends Waiter<W>> {
  readonly #timeoutMs: number;
  readonly #stepMs: number;
  readonly #clock: Clock;
  #first: W | undefined;
  #last: W | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The time that was counted up to the instant `#countedAt`. */
  #counted = 0;
  #countedAt = 0;

  constructor(timeoutMs: number, clock: Clock) {
    this.#timeoutMs = timeoutMs;
    this.#stepMs = Math.ceil(timeoutMs / STEPS);
    this.#clock = clock;
  }

  add(waiter: W): void {
    const now = this.#clock();
    if (this.#timer === undefined) {
      this.#countedAt = now;
      this.#arm(this.#stepMs);
    } else if (this.#first === undefined) {
      // A waiter keeps the process alive: a program that awaits a silent store must not end before its decision.
      this.#timer.ref();
    }
    waiter.startedAt = now;
    waiter.dueAt = this.#countedUntil(now) + this.#timeoutMs;
    waiter.before = this.#last;
    waiter.after = undefined;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.after = waiter;
    this.#last = waiter;
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
    this.#timer = setTimeout(this.#step, ms);
  }

  readonly #step = (): void => {
    this.#timer = undefined;
    const now = this.#clock();
    this.#counted = this.#countedUntil(now);
    this.#countedAt = now;
    if (this.#first === undefined) return;
    const leftMs = this.#first.dueAt - this.#counted;
    // Timers count in whole milliseconds, and may fire a fraction of one too early.
    if (leftMs >= 1) this.#arm(Math.min(this.#stepMs, Math.ceil(leftMs)));
    // Answers may lie unread. Node reads them between a timer and an immediate.
    else setImmediate(this.#expireDue);
  };

  readonly #expireDue = (): void => {
    const due = this.#counted + 1;
    for (let waiter = this.#first; waiter !== undefined && waiter.dueAt < due; waiter = this.#first) {
      this.remove(waiter);
      waiter.expire();
    }
    if (this.#first !== undefined && this.#timer === undefined) this.#arm(this.#stepMs);
  };

  #countedUntil(now: number): number {
    return this.#counted + Math.min(now - this.#countedAt, 2 * this.#stepMs);
  }
}

/** The steps in which a deadline is counted. */
const STEPS = 4;
