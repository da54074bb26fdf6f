import type { Attributes, BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import type { CorrectionMessage } from '@tollgate/core/channels';
import { entryOf } from '@tollgate/core/kit';
import type { DecisionTally } from './decision-tally.js';
import { ATTRIBUTES, METRICS } from './metric-table.js';

/**
 * Counts corrections in plain numbers, which are read when metrics are collected: with `costAfter`, each request may
 * have one.
 */
export class CorrectionTally {
  readonly #corrections: Observable;
  readonly #units: Observable;
  readonly #labels: DecisionTally;
  /** By the labels of limiter and category. */
  readonly #sums = new Map<string, Map<string, Sums>>();

  /** `labels` bounds the names of limiters and categories. */
  constructor(meter: Meter, labels: DecisionTally) {
    this.#corrections = meter.createObservableCounter(METRICS.corrections.name, METRICS.corrections);
    this.#units = meter.createObservableCounter(METRICS.correctedUnits.name, METRICS.correctedUnits);
    this.#labels = labels;
  }

  get observables(): Observable[] {
    return [this.#corrections, this.#units];
  }

  count({ limiter: { name }, category, cost, actualCost }: CorrectionMessage): void {
    const { corrections, units } = this.#sums.get(name)?.get(category) ?? this.#sumsOf(name, category);
    const kind = KINDS.indexOf(kindOf(cost, actualCost));
    corrections[kind]!++;
    // The kind has the direction.
    units[kind]! += Math.abs(actualCost - cost);
  }

  observe(result: BatchObservableResult): void {
    for (const byCategory of this.#sums.values()) {
      for (const { attributes, corrections, units } of byCategory.values()) {
        for (const [index, kind] of KINDS.entries()) {
          if (corrections[index] === 0) continue;
          const own = { ...attributes, [ATTRIBUTES.correction]: kind };
          result.observe(this.#corrections, corrections[index]!, own);
          result.observe(this.#units, units[index]!, own);
        }
      }
    }
  }

  #sumsOf(limiter: string, category: string): Sums {
    const byCategory = entryOf(this.#sums, this.#labels.limiterLabel(limiter), () => new Map<string, Sums>());
    return entryOf(byCategory, this.#labels.categoryLabel(category), () => ({
      attributes: this.#labels.attributesOf(limiter, category),
      corrections: KINDS.map(() => 0),
      units: KINDS.map(() => 0),
    }));
  }
}

interface Sums {
  readonly attributes: Attributes;
  /** One for each of {@link KINDS}. */
  readonly corrections: number[];
  readonly units: number[];
}

const KINDS = ['refund', 'settle_lower', 'settle_equal', 'settle_higher', 'debit'] as const;

/** A charge that is settled at 0 is refunded. What had no cost before is counted as a debit. */
function kindOf(cost: number, actualCost: number): (typeof KINDS)[number] {
  if (actualCost === 0) return 'refund';
  if (cost === 0) return 'debit';
  if (actualCost === cost) return 'settle_equal';
  return actualCost < cost ? 'settle_lower' : 'settle_higher';
}
