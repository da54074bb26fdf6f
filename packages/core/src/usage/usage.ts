import { type Clock, wallClock } from '../clock.js';
import type { Decision } from '../decision/index.js';
import type { Store, UsageStore } from '../store/index.js';
import { MemoryUsage } from './memory-usage.js';
import { readUsage, type UsageQuestion } from './read-usage.js';
import { UsageFlush } from './usage-flush.js';
import { UsageMeter } from './usage-meter.js';
import type { CheckedUsage, UsageStats } from './usage-options.js';
import type { UsageReport } from './usage-report.js';

/** Counts usage for a limiter: a meter, a store, and the flush from one to the other. */
export class Usage {
  readonly #meter: UsageMeter;
  readonly #store: UsageStore;
  readonly #ownsStore: boolean;
  readonly #flush: UsageFlush;
  readonly #clock: Clock;

  /** `beside` is the limiter's own store, which may keep usage too. */
  constructor(checked: CheckedUsage, beside: Store) {
    const { store, keepDays, flushMs, clock = wallClock } = checked;
    this.#store = store ?? beside.usage?.({ keepDays }) ?? new MemoryUsage({ keepDays, clock });
    this.#ownsStore = store === undefined;
    this.#clock = clock;
    this.#meter = new UsageMeter(checked, () => this.#flush.start());
    this.#flush = new UsageFlush(this.#meter, this.#store, flushMs, clock);
  }

  record(decision: Decision): void {
    this.#meter.record(decision);
  }

  /** Flushes what this process has counted, and then reads the store. */
  async report(question: UsageQuestion): Promise<UsageReport> {
    await this.#flush.flush();
    return readUsage(this.#store, question, this.#clock);
  }

  stats(): UsageStats {
    const { pending, dropped } = this.#meter;
    const { stored, lost } = this.#flush;
    return { pending, stored, dropped, lost };
  }

  async close(): Promise<void> {
    this.#meter.stop();
    await this.#flush.close(CLOSING_MS);
    this.#meter.stop();
    if (this.#ownsStore) await this.#store.close();
  }
}

const CLOSING_MS = 5000;
