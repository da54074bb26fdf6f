import { type Clock, wallClock } from '../clock.js';

/**
 * The second of the wall clock, looked at as each begins instead of with every request. A timer runs before the requests
 * that have come in meanwhile, so what is late is counted in the second before only while the process is busy with one turn.
 */
export class Seconds {
  /** Since the epoch; −1 while no one looks at the clock. */
  current = -1;
  readonly #clock: Clock;
  readonly #isTimed: boolean;
  readonly #tick: () => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `tick` is called with each second, and says whether to go on. A clock that is given is looked at with every request. */
  constructor(clock: Clock | undefined, tick: () => boolean) {
    this.#clock = clock ?? wallClock;
    this.#isTimed = clock === undefined;
    this.#tick = tick;
  }

  /** Looks at the clock, and from now on with every second. */
  wake(): number {
    const now = this.#clock();
    const second = Math.floor(now / 1000);
    if (!this.#isTimed) return second;
    this.current = second;
    this.#timer ??= setTimeout(() => this.#ring(), 1000 - (now % 1000)).unref();
    return second;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.current = -1;
  }

  #ring(): void {
    this.#timer = undefined;
    if (this.#tick()) this.wake();
    else this.current = -1;
  }
}
