import type { Attributes, BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import type { Decision, DecisionSource, QuotaState, Reason } from '@tollgate/core';
import { entryOf } from '@tollgate/core/kit';
import { ATTRIBUTES, METRICS } from './metric-table.js';
import type { CheckedOptions } from './observe-options.js';

export type Outcome = 'admitted' | 'refused' | 'would_refuse';

/**
 * Counts decisions in plain numbers, which are read when metrics are collected. An instrument's own `add` costs several
 * times what a decision does, since it finds the series by the attributes each time.
 */
export class DecisionTally {
  readonly #decisions: Observable;
  readonly #nearLimit: Observable;
  readonly #throttled: Observable;
  readonly #limiters = new BoundedNames(MAX_LIMITERS);
  readonly #categories: BoundedNames;
  readonly #accounts: BoundedNames | undefined;
  /** Kinds of subjects, which policies name. */
  readonly #kinds = new BoundedNames(MAX_KINDS);
  readonly #nearLimitShare: number;
  /** By the labels of limiter, category and account; the last is `undefined` where accounts are no attribute. */
  readonly #counts = new Map<string, Map<string, Map<string | undefined, Counts>>>();

  constructor(meter: Meter, { categoryLabel, accountLabel, nearLimit }: CheckedOptions) {
    this.#decisions = meter.createObservableCounter(METRICS.decisions.name, METRICS.decisions);
    this.#nearLimit = meter.createObservableCounter(METRICS.nearLimit.name, METRICS.nearLimit);
    this.#throttled = meter.createObservableCounter(METRICS.throttled.name, METRICS.throttled);
    this.#categories = new BoundedNames(categoryLabel);
    this.#accounts = accountLabel === undefined ? undefined : new BoundedNames(accountLabel);
    this.#nearLimitShare = nearLimit;
  }

  get observables(): Observable[] {
    return [this.#decisions, this.#nearLimit, this.#throttled];
  }

  count(limiter: string, decision: Decision): void {
    const counts = this.#countsOf(limiter, decision);
    const { reason, source } = decision;
    const outcome = outcomeOf(decision);
    const row = REASONS.indexOf(reason) * OUTCOMES.length + OUTCOMES.indexOf(outcome);
    const scope = outcome === 'admitted' ? undefined : refusingScope(decision);
    const decisions = scope === undefined ? counts.decisions : this.#refusalsOf(counts, scope);
    decisions[row * SOURCES.length + SOURCES.indexOf(source)]!++;
    if (outcome === 'admitted' && decision.usedShare >= this.#nearLimitShare) counts.nearLimit++;
    if (decision.throttled !== undefined) counts.throttled++;
  }

  observe(result: BatchObservableResult): void {
    for (const byCategory of this.#counts.values()) {
      for (const byAccount of byCategory.values()) {
        for (const { attributes, decisions, byScope, bySubject, nearLimit, throttled } of byAccount.values()) {
          this.#observeDecisions(result, attributes, decisions);
          for (const [scope, refusals] of byScope) {
            this.#observeDecisions(result, { ...attributes, [ATTRIBUTES.scope]: scope }, refusals);
          }
          for (const [subject, refusals] of bySubject) {
            const own = { ...attributes, [ATTRIBUTES.scope]: 'subject', [ATTRIBUTES.subject]: subject };
            this.#observeDecisions(result, own, refusals);
          }
          result.observe(this.#nearLimit, nearLimit, attributes);
          result.observe(this.#throttled, throttled, attributes);
        }
      }
    }
  }

  #observeDecisions(result: BatchObservableResult, attributes: Attributes, decisions: readonly number[]): void {
    for (const [index, count] of decisions.entries()) {
      if (count > 0) result.observe(this.#decisions, count, { ...attributes, ...KINDS[index] });
    }
  }

  attributesOf(limiter: string, category: string): Attributes {
    return {
      [ATTRIBUTES.limiter]: this.limiterLabel(limiter),
      [ATTRIBUTES.category]: this.categoryLabel(category),
    };
  }

  limiterLabel(limiter: string): string {
    return this.#limiters.labelOf(limiter);
  }

  categoryLabel(category: string): string {
    return this.#categories.labelOf(category);
  }

  /** The scope, and the kind of a subject. Never its id, which clients choose. */
  scopeAttributes({ scope, subject }: RefusingScope): Attributes {
    return {
      [ATTRIBUTES.scope]: scope,
      ...(subject !== undefined && { [ATTRIBUTES.subject]: this.#kinds.labelOf(subject) }),
    };
  }

  #refusalsOf({ byScope, bySubject }: Counts, { scope, subject }: RefusingScope): number[] {
    return subject === undefined
      ? entryOf(byScope, scope, noDecisions)
      : entryOf(bySubject, this.#kinds.labelOf(subject), noDecisions);
  }

  /** Fast path: most names are labels themselves, and need no look-up of their label. */
  #countsOf(limiter: string, { category, account }: Decision): Counts {
    const byAccount = this.#counts.get(limiter)?.get(category) ?? this.#byAccount(limiter, category);
    const name = this.#accounts === undefined ? undefined : account;
    const known = byAccount.get(name);
    if (known !== undefined) return known;
    const label = name === undefined ? undefined : this.#accounts?.labelOf(name);
    return entryOf(byAccount, label, () => ({
      attributes: {
        ...this.attributesOf(limiter, category),
        ...(label !== undefined && { [ATTRIBUTES.account]: label }),
      },
      decisions: noDecisions(),
      byScope: new Map(),
      bySubject: new Map(),
      nearLimit: 0,
      throttled: 0,
    }));
  }

  #byAccount(limiter: string, category: string): Map<string | undefined, Counts> {
    const byCategory = entryOf(this.#counts, this.limiterLabel(limiter), () => new Map());
    return entryOf(byCategory, this.categoryLabel(category), () => new Map());
  }
}

interface Counts {
  readonly attributes: Attributes;
  /** Of decisions without a scope: one for each of {@link KINDS}. */
  readonly decisions: number[];
  /** The same for refusals by the scope of the limit that refused, except by those of subjects. */
  readonly byScope: Map<string, number[]>;
  /** By the kind of the subject. */
  readonly bySubject: Map<string, number[]>;
  nearLimit: number;
  throttled: number;
}

/** A charge that passes only because its limits are observed is not admitted by them. */
export function outcomeOf({ allowed, wouldRefuse }: Decision): Outcome {
  if (wouldRefuse) return 'would_refuse';
  return allowed ? 'admitted' : 'refused';
}

/** Whose limit refused a charge. */
export interface RefusingScope {
  readonly scope: QuotaState['scope'];
  /** The kind of the subject, with the scope `'subject'`. */
  readonly subject?: string | undefined;
}

/**
 * Whose limit refused, or would have refused: the scope of the tightest quota, or of the blocked subject. `undefined`
 * where no limit did: the store failed, or the account or address is blocked.
 */
export function refusingScope(decision: Decision): RefusingScope | undefined {
  const { block } = decision;
  if (block === undefined) return decision.tightest;
  return block.party === 'subject' ? { scope: 'subject', subject: block.subject } : undefined;
}

/**
 * The names that may become attributes: those of a list, or the first ones that come, up to a number. All others become
 * `_OTHER`. A name keeps its series while the process runs, however busy others become: a counter must not move.
 */
class BoundedNames {
  readonly #names: Set<string>;
  readonly #max: number;

  constructor(names: readonly string[] | number) {
    this.#names = new Set(typeof names === 'number' ? [] : names);
    this.#max = typeof names === 'number' ? names : 0;
  }

  labelOf(name: string): string {
    if (this.#names.has(name)) return name;
    if (this.#names.size >= this.#max || name.length > MAX_NAME_LENGTH) return '_OTHER';
    this.#names.add(name);
    return name;
  }
}

const REASONS: readonly Reason[] = [
  'admitted',
  'limit-reached',
  'throttled',
  'cost-above-limit',
  'blocked',
  'store-unavailable',
  'suspended',
];
const OUTCOMES: readonly Outcome[] = ['admitted', 'refused', 'would_refuse'];
const SOURCES: readonly DecisionSource[] = ['store', 'local', 'none'];
/** The attributes of each kind of decision, in the order of their counts. */
const KINDS: readonly Attributes[] = REASONS.flatMap((reason) =>
  OUTCOMES.flatMap((outcome) =>
    SOURCES.map((source) => ({
      [ATTRIBUTES.reason]: reason,
      [ATTRIBUTES.outcome]: outcome,
      [ATTRIBUTES.source]: source,
    })),
  ),
);
function noDecisions(): number[] {
  return KINDS.map(() => 0);
}

const MAX_LIMITERS = 100;
/** A policy has 8 at most. */
const MAX_KINDS = 64;
const MAX_NAME_LENGTH = 128;
