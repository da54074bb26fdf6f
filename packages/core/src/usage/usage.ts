import { type Clock, wallClock } from '../clock.js';
import type { Decision, PreparedCharge } from '../decision/index.js';
import { asStoreError } from '../errors.js';
import { within } from '../promises.js';
import type { Store, UsageEntry, UsageFailure, UsageStore } from '../store/index.js';
import { MemoryUsage } from './memory-usage.js';
import { readUsage, type UsageQuestion } from './read-usage.js';
import { recordedIn, UsageMeter } from './usage-meter.js';
import type { CheckedUsage, UsageStats } from './usage-options.js';
import type { UsageReport } from './usage-report.js';

/**
 * Counts usage for a limiter, and flushes it to a store in the background. An entry that the store did not count is
 * sent again. An entry that it may have counted is lost, rather than counted twice.
 */
export class Usage {
  readonly #meter: UsageMeter;
  readonly #store: UsageStore;
  readonly #ownsStore: boolean;
  readonly #flushMs: number;
  readonly #clock: Clock;
  readonly #limiter: string;
  #running: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;
  #stored = 0;
  #lost = 0;

  /** `beside` is the limiter's own store, which may keep usage too, and `limiter` its name. */
  constructor(checked: CheckedUsage, beside: Store, limiter: string) {
    const { store, keepDays, flushMs, clock = wallClock } = checked;
    this.#store = store ?? beside.usage?.({ keepDays }) ?? new MemoryUsage({ keepDays, clock });
    this.#ownsStore = store === undefined;
    this.#flushMs = flushMs;
    this.#clock = clock;
    this.#limiter = limiter;
    this.#meter = new UsageMeter(checked, limiter, () => this.#scheduleFlush());
  }

  record(decision: Decision): void {
    this.#meter.record(decision);
  }

  /**
   * Counts a correction of a charge from one cost to another, in units. The cost before a debit is 0. A decision may be
   * settled when its limiter is closed: nothing would store that.
   */
  correct(charge: PreparedCharge, cost: number, actualCost: number): void {
    if (!this.#stopped) this.#meter.correct(charge, cost, actualCost);
  }

  /** Flushes what this process has counted, and then reads the store. */
  async report(question: UsageQuestion): Promise<UsageReport> {
    await this.#flush();
    return readUsage(this.#store, { limiter: this.#limiter, ...question }, this.#clock);
  }

  stats(): UsageStats {
    const { pending, dropped } = this.#meter;
    return { pending, stored: this.#stored, dropped, lost: this.#lost };
  }

  /** Flushes all that is left, and tries again for {@link CLOSING_MS}. Then it no longer waits. */
  async close(): Promise<void> {
    this.#meter.stop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#stopped = true;
    let isLate = false;
    const flushAll = async () => {
      await this.#flush();
      while (this.#meter.pending > 0 && !isLate) {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        await this.#flush();
      }
    };
    await within(flushAll(), CLOSING_MS, () => {
      isLate = true;
    });
    this.#meter.stop();
    if (this.#ownsStore) await this.#store.close();
  }

  #scheduleFlush(): void {
    if (this.#timer !== undefined || this.#running !== undefined || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, this.#flushMs).unref();
  }

  /** Flushes all that is counted now. Never rejects: what could not be stored waits for the next flush. */
  async #flush(): Promise<void> {
    // A running flush may have missed what was counted since it began.
    await this.#running;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#meter.pending > 0 || this.#meter.isAwake) this.#scheduleFlush();
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    for (const batch of this.#meter.batches()) {
      if (batch.length > 0 && !(await this.#send(batch))) break;
      // A store in this process answers at once, so requests need a turn in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Sends a batch. Returns false if the store failed as a whole. */
  async #send(batch: readonly UsageEntry[]): Promise<boolean> {
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
      else if (entry.minuteAt < this.#clock() - RETRIED_MS) this.#meter.drop(entry);
      else this.#meter.putBack(entry);
    }
    for (const entry of left) {
      this.#meter.settle(entry);
      this.#stored += recordedIn(entry);
    }
    return true;
  }

  #lose(entry: UsageEntry): void {
    this.#meter.settle(entry);
    this.#lost += recordedIn(entry);
  }
}

const CLOSING_MS = 5000;
/** An entry that fails alone is sent again for this long: the account's data may be broken for ever. */
const RETRIED_MS = 3_600_000;
const RETRY_MS = 100;
