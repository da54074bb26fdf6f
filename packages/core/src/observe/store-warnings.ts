import { monotonicClock } from '../clock.js';
import type { HealthReport } from '../outage/index.js';
import { warn } from '../warnings.js';

/**
 * Warns once when the store of a limiter fails, with the cause, and once when it answers again. A store that fails
 * again within a minute for the same cause is not reported again.
 */
export class StoreWarnings {
  readonly #limiter: string;
  #reportedCause = '';
  #reportedAt = Number.NEGATIVE_INFINITY;
  /** Whether the current failure was reported, so that its end will be. */
  #isReported = false;

  constructor(limiter: string) {
    this.#limiter = limiter;
  }

  /** The state of the store has changed. */
  changed(report: HealthReport): void {
    if (report.state === 'up') this.#up();
    else this.#down(report);
  }

  #up(): void {
    if (!this.#isReported) return;
    this.#isReported = false;
    warn('TOLLGATE_STORE_UP', `The store of the limiter ${this.#limiter} answers again`);
  }

  #down(report: HealthReport): void {
    const [shard] = report.shards();
    const cause = (shard?.cause ?? shard?.lastError ?? 'no answer').replace(/\.$/, '');
    const now = monotonicClock();
    if (this.#isReported || (cause === this.#reportedCause && now - this.#reportedAt < QUIET_MS)) return;
    this.#isReported = true;
    this.#reportedCause = cause;
    this.#reportedAt = now;
    const where = shard === undefined || shard.name === '' ? '' : ` (${shard.name})`;
    warn(
      'TOLLGATE_STORE_DOWN',
      `The store of the limiter ${this.#limiter} failed${where}: ${cause}. Requests are decided without it until it answers`,
    );
  }
}

const QUIET_MS = 60_000;
