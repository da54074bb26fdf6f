import type { Attributes } from '@opentelemetry/api';
import type { Decision, DecisionSource, Reason } from '@tollgate/core';
import { BoundedNames } from './bounded-names.js';
import { ATTRIBUTES } from './metric-table.js';
import type { CheckedOptions } from './observe-options.js';

export type Outcome = 'admitted' | 'refused' | 'would_refuse';

/**
 * Counts decisions in plain numbers, which a reader collects: an instrument's own `add` costs several times what a decision
 * does, since it works out by its attributes each time which series is meant.
 */
export class DecisionTally {
  readonly #limiters = new BoundedNames(MOST_LIMITERS);
  readonly #categories: BoundedNames;
  readonly #accounts: BoundedNames | undefined;
  readonly #nearLimit: number;
  /** By limiter, by category, by account: `undefined` where that is not told. */
  readonly #series = new Map<string, Map<string, Map<string | undefined, Series>>>();

  constructor({ categoryLabel, accountLabel, nearLimit }: CheckedOptions) {
    this.#categories = new BoundedNames(categoryLabel);
    this.#accounts = accountLabel === undefined ? undefined : new BoundedNames(accountLabel);
    this.#nearLimit = nearLimit;
  }

  count(limiter: string, decision: Decision): void {
    const series = this.#seriesOf(limiter, decision);
    const { reason, source } = decision;
    const outcome = outcomeOf(decision);
    const place = (REASONS.indexOf(reason) * OUTCOMES.length + OUTCOMES.indexOf(outcome)) * SOURCES.length;
    series.decisions[place + SOURCES.indexOf(source)]!++;
    if (outcome === 'admitted' && decision.usedShare >= this.#nearLimit) series.nearLimit++;
    if (decision.throttled !== undefined) series.throttled++;
  }

  /** The attributes by which a limiter's category is told. */
  attributesOf(limiter: string, category: string): Attributes {
    return {
      [ATTRIBUTES.limiter]: this.limiterLabel(limiter),
      [ATTRIBUTES.category]: this.#categories.labelOf(category),
    };
  }

  limiterLabel(limiter: string): string {
    return this.#limiters.labelOf(limiter);
  }

  /** All that was counted; `told` is the number of decisions, with their attributes. */
  collect(each: (series: Collected) => void): void {
    for (const byCategory of this.#series.values()) {
      for (const byAccount of byCategory.values()) {
        for (const { attributes, decisions, nearLimit, throttled } of byAccount.values()) {
          each({ attributes, decisions: split(attributes, decisions), nearLimit, throttled });
        }
      }
    }
  }

  /** A name that is an attribute by itself is found without being asked for its label. */
  #seriesOf(limiter: string, { category, account }: Decision): Series {
    const byAccount =
      this.#series.get(limiter)?.get(category) ??
      entryOf(entryOf(this.#series, this.#limiters.labelOf(limiter)), this.#categories.labelOf(category));
    const told = this.#accounts === undefined ? undefined : account;
    const known = byAccount.get(told);
    if (known !== undefined) return known;
    const label = told === undefined ? undefined : this.#accounts?.labelOf(told);
    let series = byAccount.get(label);
    if (series === undefined) {
      const attributes: Attributes = { ...this.attributesOf(limiter, category) };
      if (label !== undefined) attributes[ATTRIBUTES.account] = label;
      series = { attributes, decisions: new Array(PLACES).fill(0), nearLimit: 0, throttled: 0 };
      byAccount.set(label, series);
    }
    return series;
  }
}

export interface Collected {
  /** Of the series as a whole. */
  readonly attributes: Attributes;
  readonly decisions: readonly { readonly attributes: Attributes; readonly count: number }[];
  readonly nearLimit: number;
  readonly throttled: number;
}

interface Series {
  readonly attributes: Attributes;
  readonly decisions: number[];
  nearLimit: number;
  throttled: number;
}

function entryOf<Key, Value>(maps: Map<string, Map<Key, Value>>, name: string): Map<Key, Value> {
  let entry = maps.get(name);
  if (entry === undefined) {
    entry = new Map();
    maps.set(name, entry);
  }
  return entry;
}

/** A charge that passes only because its limits are observed is none that they admit. */
export function outcomeOf({ allowed, wouldRefuse }: Decision): Outcome {
  if (wouldRefuse) return 'would_refuse';
  return allowed ? 'admitted' : 'refused';
}

function split(attributes: Attributes, decisions: readonly number[]): Collected['decisions'] {
  const found: { attributes: Attributes; count: number }[] = [];
  for (const [place, count] of decisions.entries()) {
    if (count === 0) continue;
    const outcome = Math.floor(place / SOURCES.length);
    const own: Attributes = {
      ...attributes,
      [ATTRIBUTES.reason]: REASONS[Math.floor(outcome / OUTCOMES.length)]!,
      [ATTRIBUTES.outcome]: OUTCOMES[outcome % OUTCOMES.length]!,
      [ATTRIBUTES.source]: SOURCES[place % SOURCES.length]!,
    };
    found.push({ attributes: own, count });
  }
  return found;
}

const REASONS: readonly Reason[] = [
  'admitted',
  'limit-reached',
  'throttled',
  'cost-above-limit',
  'store-unavailable',
  'suspended',
];
const OUTCOMES: readonly Outcome[] = ['admitted', 'refused', 'would_refuse'];
const SOURCES: readonly DecisionSource[] = ['store', 'local', 'none'];
const PLACES = REASONS.length * OUTCOMES.length * SOURCES.length;
const MOST_LIMITERS = 100;
