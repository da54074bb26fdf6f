import type { HealthReport } from '../outage/index.js';
import { OutageWarnings } from '../warnings.js';

/** Warns when the store of a limiter fails, with the cause, and when it answers again. */
export class StoreWarnings {
  readonly #limiter: string;
  readonly #warnings = new OutageWarnings('TOLLGATE_STORE_DOWN', 'TOLLGATE_STORE_UP');

  constructor(limiter: string) {
    this.#limiter = limiter;
  }

  /** The state of the store has changed. */
  changed(report: HealthReport): void {
    const store = `The store of the limiter ${this.#limiter}`;
    if (report.state === 'up') {
      if (!report.isStoreClosed) this.#warnings.works(`${store} answers again`);
      return;
    }
    const [shard] = report.shards();
    const where = shard === undefined || shard.name === '' ? '' : ` (${shard.name})`;
    this.#warnings.failed(
      shard?.cause ?? shard?.lastError ?? 'no answer',
      (cause) => `${store} failed${where}: ${cause}. Requests are decided without it until it answers`,
    );
  }
}
