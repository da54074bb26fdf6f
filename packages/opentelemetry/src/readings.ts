import type { Attributes, BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import { entryOf } from '@tollgate/core/kit';
import { ATTRIBUTES, type Metric } from './metric-table.js';

/** One series of a metric: where its value stands in the statistics of a limiter or store. */
export interface Series<Stats> {
  readonly metric: Metric;
  /**
   * A counter keeps what a limiter or store has counted after that is gone. The others describe those that still exist:
   * an up-down counter is their sum, a gauge the highest of them.
   */
  readonly kind: 'counter' | 'upDownCounter' | 'gauge';
  readonly value: (stats: Stats) => number;
  readonly attributes?: Attributes | undefined;
}

/**
 * Reads limiters or stores whenever metrics are collected, and adds up those of one label. A total must not fall when
 * one of them goes, since Prometheus takes a lower total for a restart. References are weak, so nothing is kept alive.
 */
export class Readings<Observed extends object, Stats> {
  readonly #read: (observed: Observed) => Stats;
  readonly #series: readonly Series<Stats>[];
  /** One for each series; series of one metric share it. */
  readonly #instruments: readonly Observable[];
  readonly #seen = new WeakSet<Observed>();
  readonly #watched = new Set<Watched<Observed>>();
  /** By label, the values of those that are gone. */
  readonly #gone = new Map<string, number[]>();

  constructor(meter: Meter, read: (observed: Observed) => Stats, series: readonly Series<Stats>[]) {
    this.#read = read;
    this.#series = series;
    const byMetric = new Map<Metric, Observable>();
    this.#instruments = series.map((one) => entryOf(byMetric, one.metric, () => createInstrument(meter, one)));
  }

  get observables(): Observable[] {
    return [...new Set(this.#instruments)];
  }

  add(label: string, observed: Observed): void {
    if (this.#seen.has(observed)) return;
    this.#seen.add(observed);
    this.#watched.add({ label, reference: new WeakRef(observed), values: undefined });
  }

  /** Reads it for the last time. */
  remove(observed: Observed): void {
    for (const watched of this.#watched) {
      if (watched.reference.deref() !== observed) continue;
      this.#update(watched, observed);
      this.#retire(watched);
    }
  }

  /**
   * After the last limiter or store of a label goes, its up-down counters are 0: the SDK would repeat the last value.
   */
  observe(result: BatchObservableResult): void {
    const sums = new Map([...this.#gone].map(([label, values]) => [label, [...values]]));
    for (const watched of [...this.#watched]) {
      const observed = watched.reference.deref();
      if (observed === undefined) this.#retire(watched);
      this.#add(watched, observed !== undefined && this.#update(watched, observed), sums);
    }
    for (const [label, values] of sums) {
      for (const [index, value] of values.entries()) {
        const attributes = { [ATTRIBUTES.limiter]: label, ...this.#series[index]!.attributes };
        result.observe(this.#instruments[index]!, value, attributes);
      }
    }
  }

  /** Returns false if it can no longer be read, as a closed store; the values that it had stay. */
  #update(watched: Watched<Observed>, observed: Observed): boolean {
    try {
      const stats = this.#read(observed);
      watched.values = this.#series.map(({ value }) => value(stats));
      return true;
    } catch {
      return false;
    }
  }

  #retire(watched: Watched<Observed>): void {
    this.#watched.delete(watched);
    this.#add(watched, false, this.#gone);
  }

  #add({ label, values }: Watched<Observed>, exists: boolean, sums: Map<string, number[]>): void {
    if (values === undefined) return;
    const own = entryOf(sums, label, () => values.map(() => 0));
    for (const [index, { kind }] of this.#series.entries()) {
      const value = kind === 'counter' || exists ? values[index]! : 0;
      own[index] = kind === 'gauge' ? Math.max(own[index]!, value) : own[index]! + value;
    }
  }
}

interface Watched<Observed extends object> {
  readonly label: string;
  readonly reference: WeakRef<Observed>;
  /** As last read, one for each series. */
  values: readonly number[] | undefined;
}

function createInstrument(meter: Meter, { metric, kind }: Series<never>): Observable {
  switch (kind) {
    case 'counter':
      return meter.createObservableCounter(metric.name, metric);
    case 'upDownCounter':
      return meter.createObservableUpDownCounter(metric.name, metric);
    case 'gauge':
      return meter.createObservableGauge(metric.name, metric);
  }
}
