import type { BatchObservableCallback } from '@opentelemetry/api';
import type { ObservedLimiter } from '@tollgate/core/channels';
import { DecisionTally } from './decision-tally.js';
import { EventInstruments } from './event-instruments.js';
import { LimiterReadings } from './limiter-readings.js';
import { METRICS } from './metric-table.js';
import { type ObserveOptions, readOptions } from './observe-options.js';
import { SpanAttributes } from './span-attributes.js';
import { StoreReadings } from './store-readings.js';
import { Subscriptions } from './subscriptions.js';

/** What {@link observeRateLimits} has begun. */
export interface Observation {
  /** Ends it: nothing is counted any more. What an SDK goes on telling is what it was told last. */
  stop(): void;
}

/**
 * Feeds a meter of OpenTelemetry with all that the limiters of this process do, whoever made them, and tells each decision on
 * the span of its request. Call it once, after the SDK was started and before limiters are made: what a limiter did before is
 * not counted, and one that was made before is known from its first decision on.
 *
 * Accounts are no attribute unless `accountLabel` says which, and categories are bounded, so that no client can make series.
 *
 * @throws TypeError `TOLLGATE_OPTION_TYPE` or `TOLLGATE_OPTION_UNKNOWN`, RangeError `TOLLGATE_OPTION_RANGE`: see the
 * options.
 *
 * @example
 * const observation = observeRateLimits({ accountLabel: ['ameyo5m', 'acme'] });
 */
export function observeRateLimits(options: ObserveOptions = {}): Observation {
  const checked = readOptions(options);
  const meter = checked.meterProvider.getMeter('@tollgate/opentelemetry');
  const tally = new DecisionTally(checked);
  const limiters = new LimiterReadings(meter);
  const stores = new StoreReadings(meter);
  const spans = checked.spans ? new SpanAttributes() : undefined;
  const subscriptions = new Subscriptions();

  let latest: ObservedLimiter | undefined;
  /** A limiter comes with its decisions too, for one that was made before this. */
  const meet = (limiter: ObservedLimiter) => {
    if (latest === limiter) return;
    latest = limiter;
    const label = tally.limiterLabel(limiter.name);
    limiters.add(label, limiter);
    stores.add(label, limiter.store);
  };
  subscriptions.to('tollgate:limiter', ({ limiter, state }) => {
    meet(limiter);
    if (state !== 'closed') return;
    limiters.remove(limiter);
    latest = undefined;
  });
  subscriptions.to('tollgate:decision', (message) => {
    meet(message.limiter);
    tally.count(message.limiter.name, message.decision);
    spans?.tell(message);
  });
  new EventInstruments(meter, tally).follow(subscriptions);

  const decisions = meter.createObservableCounter(METRICS.decisions.name, METRICS.decisions);
  const nearLimit = meter.createObservableCounter(METRICS.nearLimit.name, METRICS.nearLimit);
  const throttled = meter.createObservableCounter(METRICS.throttled.name, METRICS.throttled);
  const observables = [decisions, nearLimit, throttled, ...limiters.observables, ...stores.observables];
  const observe: BatchObservableCallback = (result) => {
    tally.collect((series) => {
      for (const { attributes, count } of series.decisions) result.observe(decisions, count, attributes);
      result.observe(nearLimit, series.nearLimit, series.attributes);
      result.observe(throttled, series.throttled, series.attributes);
    });
    limiters.observe(result);
    stores.observe(result);
  };
  meter.addBatchObservableCallback(observe, observables);

  return {
    stop() {
      subscriptions.end();
      meter.removeBatchObservableCallback(observe, observables);
    },
  };
}
