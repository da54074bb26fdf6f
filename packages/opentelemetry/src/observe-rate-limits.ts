import { type BatchObservableCallback, type Span, trace } from '@opentelemetry/api';
import type { DecisionMessage, ObservedLimiter } from '@tollgate/core/channels';
import { CorrectionTally } from './correction-tally.js';
import { DecisionTally, outcomeOf, refusingScope } from './decision-tally.js';
import { ATTRIBUTES } from './metric-table.js';
import { type ObserveOptions, readOptions } from './observe-options.js';
import { Readings } from './readings.js';
import { recordEvents } from './record-events.js';
import { LIMITER_SERIES, MEMORY_STORE_SERIES, REDIS_STORE_SERIES, storeStats } from './series.js';
import { Subscriptions } from './subscriptions.js';

/** What {@link observeRateLimits} has started. */
export interface Observation {
  /** Stops counting. An SDK may go on exporting the last values. */
  stop(): void;
}

/**
 * Feeds an OpenTelemetry meter with what all limiters of this process do, and records each decision on the span of its
 * request. Call it once, after the SDK is started and before limiters are made: earlier decisions are not counted, and
 * a limiter that was made earlier appears with its next decision.
 *
 * Accounts are no attribute unless `accountLabel` names them. Categories are bounded: clients cannot create series.
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
  const tally = new DecisionTally(meter, checked);
  const corrections = new CorrectionTally(meter, tally);
  const read = (limiter: ObservedLimiter) => ({ health: limiter.health(), stats: limiter.stats() });
  const limiters = new Readings(meter, read, LIMITER_SERIES);
  const memoryStores = new Readings(meter, storeStats, MEMORY_STORE_SERIES);
  const redisStores = new Readings(meter, storeStats, REDIS_STORE_SERIES);
  const spans = checked.spans ? new SpanRecorder(tally) : undefined;
  const subscriptions = new Subscriptions();

  let latest: ObservedLimiter | undefined;
  /** Runs with every decision too: a limiter may be older than this observation. */
  const add = (limiter: ObservedLimiter) => {
    if (latest === limiter) return;
    latest = limiter;
    const label = tally.limiterLabel(limiter.name);
    limiters.add(label, limiter);
    // A store that several limiters share stays under the label of the first.
    const { store } = limiter;
    const stats = storeStats(store);
    if ('evictedUnexpired' in stats) memoryStores.add(label, store);
    else if ('denyCacheHits' in stats) redisStores.add(label, store);
  };
  subscriptions.to('tollgate:limiter', ({ limiter, state }) => {
    add(limiter);
    if (state !== 'closed') return;
    limiters.remove(limiter);
    latest = undefined;
  });
  subscriptions.to('tollgate:decision', (message) => {
    add(message.limiter);
    tally.count(message.limiter.name, message.decision);
    spans?.record(message);
  });
  subscriptions.to('tollgate:correction', (message) => corrections.count(message));
  recordEvents(meter, tally, subscriptions);

  const sources = [tally, corrections, limiters, memoryStores, redisStores];
  const observables = sources.flatMap((source) => source.observables);
  const observe: BatchObservableCallback = (result) => {
    for (const source of sources) source.observe(result);
  };
  meter.addBatchObservableCallback(observe, observables);

  return {
    stop() {
      subscriptions.end();
      meter.removeBatchObservableCallback(observe, observables);
    },
  };
}

/**
 * Records each decision on the active span, which usually is that of the request. Of several decisions on one span the
 * last one stays, unless an earlier one refused, or would have refused.
 */
class SpanRecorder {
  readonly #tally: DecisionTally;
  readonly #refused = new WeakSet<Span>();

  constructor(tally: DecisionTally) {
    this.#tally = tally;
  }

  record({ limiter, decision }: DecisionMessage): void {
    const span = trace.getActiveSpan();
    if (span === undefined || !span.isRecording()) return;
    const outcome = outcomeOf(decision);
    if (outcome === 'admitted' && this.#refused.has(span)) return;
    const scope = outcome === 'admitted' ? undefined : refusingScope(decision);
    const isAgain = this.#refused.has(span);
    if (outcome !== 'admitted') this.#refused.add(span);
    span.setAttributes({
      [ATTRIBUTES.limiter]: limiter.name,
      [ATTRIBUTES.category]: decision.category,
      [ATTRIBUTES.outcome]: outcome,
      [ATTRIBUTES.reason]: decision.reason,
      // A span cannot lose an attribute, and those of an earlier refusal are not this one's.
      ...(isAgain && { [ATTRIBUTES.scope]: '', [ATTRIBUTES.subject]: '' }),
      ...(scope !== undefined && this.#tally.scopeAttributes(scope)),
    });
  }
}
