import type { Meter } from '@opentelemetry/api';
import type { ThrottlingBegunMessage, ThrottlingEndedMessage } from '@tollgate/core/channels';
import type { DecisionTally } from './decision-tally.js';
import { ATTRIBUTES, METRICS } from './metric-table.js';
import type { Subscriptions } from './subscriptions.js';

/** Records what is rare, or whose distribution matters, at the moment it happens. */
export function recordEvents(meter: Meter, tally: DecisionTally, subscriptions: Subscriptions): void {
  const throttlings = meter.createCounter(METRICS.throttlings.name, METRICS.throttlings);
  const active = meter.createUpDownCounter(METRICS.activeThrottlings.name, METRICS.activeThrottlings);
  const throttlingOf = ({ limiter, category, scope, subject }: ThrottlingBegunMessage | ThrottlingEndedMessage) => ({
    ...tally.attributesOf(limiter.name, category),
    ...tally.scopeAttributes({ scope, subject }),
  });
  subscriptions.to('tollgate:throttling-begun', (message) => {
    const attributes = throttlingOf(message);
    throttlings.add(1, attributes);
    active.add(1, attributes);
  });
  subscriptions.to('tollgate:throttling-ended', (message) => {
    active.add(-1, throttlingOf(message));
  });

  const circuitChanges = meter.createCounter(METRICS.circuitChanges.name, METRICS.circuitChanges);
  const callDuration = meter.createHistogram(METRICS.storeCallDuration.name, {
    ...METRICS.storeCallDuration,
    advice: { explicitBucketBoundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1] },
  });
  const limiterOf = (name: string) => ({ [ATTRIBUTES.limiter]: tally.limiterLabel(name) });
  subscriptions.to('tollgate:circuit', ({ limiter, state }) => {
    circuitChanges.add(1, { ...limiterOf(limiter.name), [ATTRIBUTES.circuitState]: state });
  });
  subscriptions.to('tollgate:store-call', ({ limiter, durationMs, outcome }) => {
    const error = outcome === 'answered' ? {} : { [ATTRIBUTES.error]: outcome };
    callDuration.record(durationMs / 1000, { ...limiterOf(limiter.name), ...error });
  });

  const batchSize = meter.createHistogram(METRICS.batchSize.name, {
    ...METRICS.batchSize,
    advice: { explicitBucketBoundaries: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
  });
  const merges = meter.createCounter(METRICS.mergedOperations.name, METRICS.mergedOperations);
  const failedCalls = meter.createCounter(METRICS.failedCalls.name, METRICS.failedCalls);
  subscriptions.to('tollgate:redis-call', ({ operations, merged, error }) => {
    batchSize.record(operations);
    if (merged > 0) merges.add(merged);
    if (error !== undefined) failedCalls.add(1);
  });
}
