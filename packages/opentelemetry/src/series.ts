import type { Attributes } from '@opentelemetry/api';
import type { LimiterStats } from '@tollgate/core';
import type { ObservedLimiter } from '@tollgate/core/channels';
import { ATTRIBUTES, METRICS, type Metric } from './metric-table.js';
import type { Series } from './readings.js';

type Value<Stats> = (stats: Stats) => number;

function total<Stats>(metric: Metric, value: Value<Stats>, attributes?: Attributes): Series<Stats> {
  return { metric, kind: 'counter', value, attributes };
}

function sum<Stats>(metric: Metric, value: Value<Stats>, attributes?: Attributes): Series<Stats> {
  return { metric, kind: 'upDownCounter', value, attributes };
}

export interface LimiterReading {
  readonly health: ReturnType<ObservedLimiter['health']>;
  readonly stats: LimiterStats;
}

function state(name: LimiterReading['health']['state']): Series<LimiterReading> {
  return sum(METRICS.storeState, ({ health }) => Number(health.state === name), {
    [ATTRIBUTES.storeState]: name.replace('-', '_'),
  });
}

function agreement(name: string, key: keyof LimiterStats['candidate']): Series<LimiterReading> {
  return total(METRICS.candidateDecisions, ({ stats }) => stats.candidate[key], { [ATTRIBUTES.agreement]: name });
}

export const LIMITER_SERIES: readonly Series<LimiterReading>[] = [
  state('up'),
  state('partly-down'),
  state('down'),
  sum(METRICS.openCircuits, ({ health }) => health.shards.length),
  total(METRICS.storeFailures, ({ health }) => health.failures),
  sum(METRICS.owedCharges, ({ health }) => health.writeBack.pending),
  total(METRICS.writtenBack, ({ health }) => health.writeBack.written, { [ATTRIBUTES.result]: 'written' }),
  total(METRICS.writtenBack, ({ health }) => health.writeBack.dropped, { [ATTRIBUTES.result]: 'dropped' }),
  { metric: METRICS.policyVersion, kind: 'gauge', value: ({ stats }) => stats.policyVersion },
  sum(METRICS.suspended, ({ health }) => Number(health.suspended !== undefined)),
  total(METRICS.sourceFailures, ({ stats }) => stats.sourceFailures),
  agreement('both_allow', 'bothAllow'),
  agreement('both_refuse', 'bothRefuse'),
  agreement('only_candidate_refuses', 'onlyCandidateRefuses'),
  agreement('only_candidate_allows', 'onlyCandidateAllows'),
  agreement('undecided', 'undecided'),
];

export type StoreStats = Readonly<Record<string, number>>;

/** The statistics of a store that has any. A program may have two copies of a package, so its class says nothing. */
export function storeStats(store: object): StoreStats {
  const stats: unknown = 'stats' in store && typeof store.stats === 'function' ? store.stats() : undefined;
  return typeof stats === 'object' && stats !== null ? { ...stats } : {};
}

function stat(key: string): Value<StoreStats> {
  return (stats) => stats[key]!;
}

export const MEMORY_STORE_SERIES: readonly Series<StoreStats>[] = [
  sum(METRICS.counters, stat('counters')),
  sum(METRICS.maxCounters, stat('maxCounters')),
  total(METRICS.evictions, stat('evictedExpired'), { [ATTRIBUTES.eviction]: 'expired' }),
  total(METRICS.evictions, stat('evictedUnexpired'), { [ATTRIBUTES.eviction]: 'unexpired' }),
];

export const REDIS_STORE_SERIES: readonly Series<StoreStats>[] = [
  total(METRICS.denyCacheHits, stat('denyCacheHits')),
  sum(METRICS.pendingOperations, stat('pending')),
];
