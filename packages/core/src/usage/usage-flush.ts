import type { Clock } from '../clock.js';
import { asStoreError } from '../errors.js';
import { requestsOf, type UsageEntry, type UsageFailure, type UsageStore } from '../store/index.js';
import type { UsageMeter } from './usage-meter.js';

/**
 * Brings what a meter has counted to a store, again and again, in the background. What the store surely did not count is
 * brought again; what it may have counted is lost rather than counted twice.
 */
export class UsageFlush {
  readonly #meter: UsageMeter;
  readonly #store: UsageStore;
  readonly #flushMs: number;
  readonly #clock: Clock;
  #running: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;
  stored = 0;
  lost = 0;

  constructor(meter: UsageMeter, store: UsageStore, flushMs: number, clock: Clock) {
    this.#meter = meter;
    this.#store = store;
    this.#flushMs = flushMs;
    this.#clock = clock;
  }

  /** Has what is counted brought to the store after a while. */
  start(): void {
    if (this.#timer !== undefined || this.#running !== undefined || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.flush();
    }, this.#flushMs).unref();
  }

  /** Brings all that is counted now. Never rejects: what could not be stored waits for the next time. */
  async flush(): Promise<void> {
    // One that is under way may have passed over what was counted since.
    await this.#running;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#meter.pending > 0 || this.#meter.isAwake) this.start();
    });
    return this.#running;
  }

  /** Brings all that is left, trying again until then if it has to; what is under way is not waited for any longer. */
  async close(withinMs: number): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#stopped = true;
    let isLate = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        isLate = true;
        resolve();
      }, withinMs);
    });
    const flushed = async () => {
      await this.flush();
      while (this.#meter.pending > 0 && !isLate) {
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        await this.flush();
      }
    };
    await Promise.race([flushed(), late]);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    for (const batch of this.#meter.batches()) {
      if (!(await this.#bring(batch))) break;
      // A store in this process answers at once, and requests wait for their turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Whether there is any use in bringing more now. */
  async #bring(batch: readonly UsageEntry[]): Promise<boolean> {
    let failures: readonly UsageFailure[] = [];
    try {
      failures = (await this.#store.add(batch)) ?? [];
    } catch (thrown) {
      const { charged } = asStoreError(thrown);
      for (const entry of batch) {
        if (charged === 'no') this.#meter.putBack(entry);
        else this.#lose(entry);
      }
      return false;
    }
    const left = new Set(batch);
    for (const { entry, counted } of failures) {
      if (!left.delete(entry)) continue;
      if (counted !== 'no') this.#lose(entry);
      else if (entry.minuteAt < this.#clock() - TRIED_MS) this.#meter.drop(entry);
      else this.#meter.putBack(entry);
    }
    for (const entry of left) {
      this.#meter.settle(entry);
      this.stored += requestsOf(entry);
    }
    return true;
  }

  #lose(entry: UsageEntry): void {
    this.#meter.settle(entry);
    this.lost += requestsOf(entry);
  }
}

/** One account's data may be at fault for ever; all accounts' is an outage, and ends. */
const TRIED_MS = 3_600_000;
const AGAIN_MS = 100;
