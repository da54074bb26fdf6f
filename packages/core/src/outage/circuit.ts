import { type Clock, wallClock } from '../clock.js';
import type { StoreError } from '../errors.js';

/** What a circuit asks of its surroundings. */
export interface CircuitOptions {
  readonly clock: Clock;
  /** Tries the store for an account, within the deadline. */
  readonly probe: (account: string) => Promise<unknown>;
  /** Called when the circuit has opened, when it has closed, and when the part first answers. */
  readonly changed: (circuit: Circuit) => void;
}

/**
 * Whether one part of a store is worth asking. After {@link FAILURES_TO_OPEN} failures in a row it is open: no one waits
 * for the store, and only a probe in the background tries it, less and less often. The first success closes it.
 */
export class Circuit {
  readonly name: string;
  readonly #options: CircuitOptions;
  #failures = 0;
  #isOpen = false;
  #isKnown = false;
  #since: number = wallClock();
  #account = '';
  #lastError: StoreError | undefined;
  #probes = 0;
  #probeAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(name: string, options: CircuitOptions) {
    this.name = name;
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether anything was ever heard of this part, or surely nothing can be. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Since when it is open or closed: milliseconds since the epoch. */
  get since(): number {
    return this.#since;
  }

  get lastError(): StoreError | undefined {
    return this.#lastError;
  }

  /** Milliseconds until the next probe, at least 1. While the circuit is closed, every request is one. */
  get nextProbeMs(): number {
    return this.#isOpen ? Math.max(1, Math.ceil(this.#probeAt - this.#options.clock())) : 1;
  }

  /** A call was answered in time. An open circuit is closed by its probe alone. */
  succeeded(): void {
    if (this.#isOpen) return;
    this.#failures = 0;
    if (this.#isKnown) return;
    this.#isKnown = true;
    this.#options.changed(this);
  }

  failed(error: StoreError, account: string): void {
    this.#lastError = error;
    this.#account = account;
    if (this.#isOpen || this.#stopped) return;
    this.#failures++;
    if (this.#failures < FAILURES_TO_OPEN) return;
    this.#isOpen = true;
    this.#isKnown = true;
    this.#since = wallClock();
    this.#probes = 0;
    this.#schedule();
    this.#options.changed(this);
  }

  /** No more probes. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#probes);
    this.#probes++;
    // Up to a fifth sooner, so that the instances of a service do not all come at once.
    const pause = longest * (1 - Math.random() / 5);
    this.#probeAt = this.#options.clock() + pause;
    this.#timer = setTimeout(() => this.#probe(), pause);
    this.#timer.unref();
  }

  #probe(): void {
    this.#options.probe(this.#account).then(
      () => this.#close(),
      () => {
        if (!this.#stopped) this.#schedule();
      },
    );
  }

  #close(): void {
    if (this.#stopped) return;
    this.#isOpen = false;
    this.#failures = 0;
    this.#since = wallClock();
    this.#options.changed(this);
  }
}

export const FAILURES_TO_OPEN = 5;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
