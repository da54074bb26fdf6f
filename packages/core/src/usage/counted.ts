import type { UsageMinute } from '../store/index.js';
import type { UsageBusiestMinute, UsageCounts } from './usage-report.js';

/** Requests that are summed up. */
export class Counted {
  #admitted = 0;
  #refused = 0;
  #wouldRefuse = 0;

  get requests(): number {
    return this.#admitted + this.#refused;
  }

  add({ admitted, refused, wouldRefuse }: UsageMinute): void {
    this.#admitted += admitted;
    this.#refused += refused;
    this.#wouldRefuse += wouldRefuse;
  }

  counts(): UsageCounts {
    const { requests } = this;
    const refused = this.#refused;
    const refusedShare = requests === 0 ? 0 : refused / requests;
    return { requests, admitted: this.#admitted, refused, wouldRefuse: this.#wouldRefuse, refusedShare };
  }
}

/** The minutes in which there were requests, each with how many. */
export class ActiveMinutes {
  readonly #byMinute = new Map<number, { requests: number; peakPerSecond: number }>();

  get size(): number {
    return this.#byMinute.size;
  }

  add({ minuteAt, admitted, refused, peakPerSecond }: UsageMinute): void {
    const requests = admitted + refused;
    if (requests === 0) return;
    const minute = this.#byMinute.get(minuteAt);
    if (minute === undefined) {
      this.#byMinute.set(minuteAt, { requests, peakPerSecond });
      return;
    }
    minute.requests += requests;
    minute.peakPerSecond = Math.max(minute.peakPerSecond, peakPerSecond);
  }

  busiest(): UsageBusiestMinute | undefined {
    let busiest: UsageBusiestMinute | undefined;
    for (const [minuteAt, { requests, peakPerSecond }] of this.#byMinute) {
      const isBusier =
        busiest === undefined ||
        requests > busiest.requests ||
        (requests === busiest.requests && minuteAt < busiest.minuteAt);
      if (isBusier) busiest = { minuteAt, requests, peakPerSecond };
    }
    return busiest;
  }

  /** The least number of requests that so many percent of the minutes did not exceed: the nearest rank. */
  percentile(percent: number): number {
    const sorted = Float64Array.from(this.#byMinute.values(), ({ requests }) => requests).sort();
    return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? 0;
  }
}
