import type { Clock } from '../clock.js';

/** Someone who waits no longer than the deadline. The fields are the deadlines' own. */
export interface Waiter<W> {
  dueAt: number;
  before: W | undefined;
  after: W | undefined;
  /** The time is up. It has been let go already. */
  expire(): void;
}

/**
 * One deadline for many calls. All wait equally long, so they come due in the order in which they came, and one timer for
 * the first of them serves all: a timer for each call would cost more than the call.
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
    // Whoever waits keeps the process alive, or a program that awaits a silent store would end in the middle.
    else if (waiter === this.#first) this.#timer.ref();
  }

  /** Lets go of one who waits. */
  remove(waiter: W): void {
    if (waiter.before === undefined) this.#first = waiter.after;
    else waiter.before.after = waiter.after;
    if (waiter.after === undefined) this.#last = waiter.before;
    else waiter.after.before = waiter.before;
    waiter.before = undefined;
    waiter.after = undefined;
    // The timer stays, for whoever comes before it rings: a busy store would start and stop one with every call.
    if (this.#first === undefined) this.#timer?.unref();
  }

  /** Those who wait now, the oldest first. */
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
    // When the process itself was busy, answers may lie unread. They are read between a timer and an immediate.
    this.#timer = setTimeout(() => setImmediate(() => this.#ring()), ms);
  }

  #ring(): void {
    this.#timer = undefined;
    const now = this.#clock();
    // Timers know whole milliseconds, and may come a part of one too early.
    for (let waiter = this.#first; waiter !== undefined && waiter.dueAt < now + 1; waiter = this.#first) {
      this.remove(waiter);
      waiter.expire();
    }
    if (this.#first !== undefined && this.#timer === undefined)
      this.#arm(Math.max(1, Math.ceil(this.#first.dueAt - now)));
  }
}
