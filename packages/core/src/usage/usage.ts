import { type Clock, wallClock } from '../clock.js';
import type { Decision } from '../decision/index.js';
import { countersOf, MemoryStore } from '../memory/index.js';
import type { Store, UsageStore } from '../store/index.js';
import { MemoryUsage } from './memory-usage.js';
import { readUsage, type UsageQuestion } from './read-usage.js';
import { UsageFlush } from './usage-flush.js';
import { UsageMeter } from './usage-meter.js';
import type { CheckedUsage, UsageStats } from './usage-options.js';
import type { UsageReport } from './usage-report.js';

/** What a limiter has for counting usage: a meter, where it is kept, and what brings it there. */
export class Usage {
  readonly #meter: UsageMeter;
  readonly #store: UsageStore;
  readonly #ownsStore: boolean;
  readonly #flush: UsageFlush;
  readonly #clock: Clock;

  /** `beside` is where the limiter's counters are: usage may be kept there too. */
  constructor(checked: CheckedUsage, beside: Store) {
    const { store, keepDays, flushMs, clock = wallClock } = checked;
    this.#store = store ?? beside.usage?.({ keepDays }) ?? new MemoryUsage({ keepDays, clock });
    this.#ownsStore = store === undefined;
    this.#clock = clock;
    const birthOf = beside instanceof MemoryStore ? (slot: number) => countersOf(beside).table.birth(slot) : undefined;
    this.#meter = new UsageMeter(checked, () => this.#flush.start(), birthOf);
    this.#flush = new UsageFlush(this.#meter, this.#store, flushMs, clock);
  }

  /** `slot` is where a store in this process has the first counter, −1 if it has none. */
  record(decision: Decision, slot = -1): void {
    this.#meter.record(decision, slot);
  }

  /** What this process has counted is brought to the store first. */
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
