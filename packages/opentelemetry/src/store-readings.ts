import type { BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import { ATTRIBUTES, METRICS } from './metric-table.js';
import { Readings } from './readings.js';

/**
 * What stores tell when they are asked. A store that several limiters share is told once, under the name of the limiter that
 * was met with it first.
 */
export class StoreReadings {
  readonly #memory = new Readings(readMemory);
  readonly #redis = new Readings(readRedis);
  readonly #counters: Observable;
  readonly #maxCounters: Observable;
  readonly #evictions: Observable;
  readonly #hits: Observable;
  readonly #pending: Observable;

  constructor(meter: Meter) {
    this.#counters = meter.createObservableUpDownCounter(METRICS.counters.name, METRICS.counters);
    this.#maxCounters = meter.createObservableUpDownCounter(METRICS.maxCounters.name, METRICS.maxCounters);
    this.#evictions = meter.createObservableCounter(METRICS.evictions.name, METRICS.evictions);
    this.#hits = meter.createObservableCounter(METRICS.denyCacheHits.name, METRICS.denyCacheHits);
    this.#pending = meter.createObservableUpDownCounter(METRICS.pendingOperations.name, METRICS.pendingOperations);
  }

  get observables(): Observable[] {
    return [this.#counters, this.#maxCounters, this.#evictions, this.#hits, this.#pending];
  }

  /** Told by what it can do, not by its class: a program may hold two copies of a package. */
  add(label: string, store: object): void {
    const stats = statsOf(store);
    if (stats === undefined) return;
    if ('evictedUnexpired' in stats) this.#memory.add(label, store);
    else if ('denyCacheHits' in stats) this.#redis.add(label, store);
  }

  observe(result: BatchObservableResult): void {
    this.#memory.collect((name, totals, current) => {
      const own = { [ATTRIBUTES.limiter]: name };
      result.observe(this.#counters, added(current, 'counters'), own);
      result.observe(this.#maxCounters, added(current, 'maxCounters'), own);
      for (const eviction of ['expired', 'unexpired'] as const) {
        const count = totals?.[eviction];
        if (count !== undefined) result.observe(this.#evictions, count, { ...own, [ATTRIBUTES.eviction]: eviction });
      }
    });
    this.#redis.collect((name, totals, current) => {
      const own = { [ATTRIBUTES.limiter]: name };
      if (totals !== undefined) result.observe(this.#hits, totals.hits, own);
      result.observe(this.#pending, added(current, 'pending'), own);
    });
  }
}

function readMemory(store: object) {
  const { counters, maxCounters, evictedExpired, evictedUnexpired } = statsOf(store) as Record<MemoryNumber, number>;
  return { totals: { expired: evictedExpired, unexpired: evictedUnexpired }, current: { counters, maxCounters } };
}

function readRedis(store: object) {
  const { denyCacheHits, pending } = statsOf(store) as Record<'denyCacheHits' | 'pending', number>;
  return { totals: { hits: denyCacheHits }, current: { pending } };
}

type MemoryNumber = 'counters' | 'maxCounters' | 'evictedExpired' | 'evictedUnexpired';

function statsOf(store: object): object | undefined {
  if (!('stats' in store) || typeof store.stats !== 'function') return undefined;
  const stats: unknown = store.stats();
  return typeof stats === 'object' && stats !== null ? stats : undefined;
}

function added<Key extends string>(current: readonly Readonly<Record<Key, number>>[], key: Key): number {
  return current.reduce((before, one) => before + one[key], 0);
}
