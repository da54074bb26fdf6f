import type { Counter, Histogram, Meter, UpDownCounter } from '@opentelemetry/api';
import type { DecisionTally } from './decision-tally.js';
import { ATTRIBUTES, METRICS } from './metric-table.js';
import type { Subscriptions } from './subscriptions.js';

/** What is recorded as it happens, because it is rare or because only its distribution tells something. */
export class EventInstruments {
  readonly #tally: DecisionTally;
  readonly #throttlings: Counter;
  readonly #activeThrottlings: UpDownCounter;
  readonly #circuitChanges: Counter;
  readonly #callDuration: Histogram;
  readonly #batchSize: Histogram;
  readonly #merged: Counter;
  readonly #failedCalls: Counter;

  constructor(meter: Meter, tally: DecisionTally) {
    this.#tally = tally;
    this.#throttlings = meter.createCounter(METRICS.throttlings.name, METRICS.throttlings);
    this.#activeThrottlings = meter.createUpDownCounter(METRICS.activeThrottlings.name, METRICS.activeThrottlings);
    this.#circuitChanges = meter.createCounter(METRICS.circuitChanges.name, METRICS.circuitChanges);
    this.#callDuration = meter.createHistogram(METRICS.storeCallDuration.name, {
      ...METRICS.storeCallDuration,
      advice: { explicitBucketBoundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1] },
    });
    this.#batchSize = meter.createHistogram(METRICS.batchSize.name, {
      ...METRICS.batchSize,
      advice: { explicitBucketBoundaries: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
    });
    this.#merged = meter.createCounter(METRICS.mergedOperations.name, METRICS.mergedOperations);
    this.#failedCalls = meter.createCounter(METRICS.failedCalls.name, METRICS.failedCalls);
  }

  follow(subscriptions: Subscriptions): void {
    subscriptions.to('tollgate:throttling-begun', ({ limiter, decision, scope }) => {
      const attributes = this.#throttling(limiter.name, decision.category, scope);
      this.#throttlings.add(1, attributes);
      this.#activeThrottlings.add(1, attributes);
    });
    subscriptions.to('tollgate:throttling-ended', ({ limiter, category, scope }) => {
      this.#activeThrottlings.add(-1, this.#throttling(limiter.name, category, scope));
    });
    subscriptions.to('tollgate:circuit', ({ limiter, state }) => {
      this.#circuitChanges.add(1, { ...this.#limiter(limiter.name), [ATTRIBUTES.circuitState]: state });
    });
    subscriptions.to('tollgate:store-call', ({ limiter, durationMs, outcome }) => {
      const attributes = this.#limiter(limiter.name);
      this.#callDuration.record(
        durationMs / 1000,
        outcome === 'answered' ? attributes : { ...attributes, [ATTRIBUTES.error]: outcome },
      );
    });
    subscriptions.to('tollgate:redis-call', ({ operations, merged, error }) => {
      this.#batchSize.record(operations);
      if (merged > 0) this.#merged.add(merged);
      if (error !== undefined) this.#failedCalls.add(1);
    });
  }

  #limiter(name: string) {
    return { [ATTRIBUTES.limiter]: this.#tally.limiterLabel(name) };
  }

  #throttling(limiter: string, category: string, scope: string) {
    return { ...this.#tally.attributesOf(limiter, category), [ATTRIBUTES.scope]: scope };
  }
}
