import type { BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import type { ObservedLimiter } from '@tollgate/core/channels';
import { ATTRIBUTES, METRICS } from './metric-table.js';
import { type Reading, Readings } from './readings.js';

/** What limiters tell when they are asked: how they get on with their stores, their policies and candidates. */
export class LimiterReadings {
  readonly #readings = new Readings(read);
  readonly #states: Observable;
  readonly #openCircuits: Observable;
  readonly #failures: Observable;
  readonly #owed: Observable;
  readonly #written: Observable;
  readonly #policyVersion: Observable;
  readonly #suspended: Observable;
  readonly #sourceFailures: Observable;
  readonly #candidates: Observable;

  constructor(meter: Meter) {
    this.#states = meter.createObservableUpDownCounter(METRICS.storeState.name, METRICS.storeState);
    this.#openCircuits = meter.createObservableUpDownCounter(METRICS.openCircuits.name, METRICS.openCircuits);
    this.#failures = meter.createObservableCounter(METRICS.storeFailures.name, METRICS.storeFailures);
    this.#owed = meter.createObservableUpDownCounter(METRICS.owedCharges.name, METRICS.owedCharges);
    this.#written = meter.createObservableCounter(METRICS.writtenBack.name, METRICS.writtenBack);
    this.#policyVersion = meter.createObservableGauge(METRICS.policyVersion.name, METRICS.policyVersion);
    this.#suspended = meter.createObservableUpDownCounter(METRICS.suspended.name, METRICS.suspended);
    this.#sourceFailures = meter.createObservableCounter(METRICS.sourceFailures.name, METRICS.sourceFailures);
    this.#candidates = meter.createObservableCounter(METRICS.candidateDecisions.name, METRICS.candidateDecisions);
  }

  get observables(): Observable[] {
    return [
      this.#states,
      this.#openCircuits,
      this.#failures,
      this.#owed,
      this.#written,
      this.#policyVersion,
      this.#suspended,
      this.#sourceFailures,
      this.#candidates,
    ];
  }

  add(label: string, limiter: ObservedLimiter): void {
    this.#readings.add(label, limiter);
  }

  remove(limiter: ObservedLimiter): void {
    this.#readings.remove(limiter);
  }

  observe(result: BatchObservableResult): void {
    this.#readings.collect((name, totals, current) => {
      const own = { [ATTRIBUTES.limiter]: name };
      const tell = (metric: Observable, value: number | undefined, attribute?: string, said?: string) => {
        const attributes = attribute === undefined ? own : { ...own, [attribute]: said };
        if (value !== undefined) result.observe(metric, value, attributes);
      };
      const added = (key: keyof Current) => current.reduce((before, one) => before + one[key], 0);
      // What is not told again keeps its last value in the SDK, so one that is gone is told to be none.
      for (const state of STATES) tell(this.#states, added(state), ATTRIBUTES.storeState, state);
      tell(this.#openCircuits, added('openCircuits'));
      tell(this.#owed, added('owed'));
      tell(this.#suspended, added('suspended'));
      tell(this.#policyVersion, Math.max(0, ...current.map(({ policyVersion }) => policyVersion)));
      tell(this.#failures, totals?.storeFailures);
      tell(this.#written, totals?.written, ATTRIBUTES.result, 'written');
      tell(this.#written, totals?.dropped, ATTRIBUTES.result, 'dropped');
      tell(this.#sourceFailures, totals?.sourceFailures);
      for (const agreement of AGREEMENTS) {
        tell(this.#candidates, totals?.[agreement], ATTRIBUTES.agreement, agreement);
      }
    });
  }
}

const STATES = ['up', 'partly_down', 'down'] as const;
const AGREEMENTS = [
  'both_allow',
  'both_refuse',
  'only_candidate_refuses',
  'only_candidate_allows',
  'undecided',
] as const;

type Current = ReturnType<typeof read>['current'];

function read(limiter: ObservedLimiter) {
  const { state, shards, failures, writeBack, suspended } = limiter.health();
  const { sourceFailures, policyVersion, candidate } = limiter.stats();
  return {
    totals: {
      storeFailures: failures,
      written: writeBack.written,
      dropped: writeBack.dropped,
      sourceFailures,
      both_allow: candidate.bothAllow,
      both_refuse: candidate.bothRefuse,
      only_candidate_refuses: candidate.onlyCandidateRefuses,
      only_candidate_allows: candidate.onlyCandidateAllows,
      undecided: candidate.undecided,
    },
    current: {
      up: Number(state === 'up'),
      partly_down: Number(state === 'partly-down'),
      down: Number(state === 'down'),
      openCircuits: shards.length,
      owed: writeBack.pending,
      suspended: Number(suspended !== undefined),
      policyVersion,
    },
  } satisfies Reading<object, object>;
}
