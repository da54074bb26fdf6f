import { type Span, trace } from '@opentelemetry/api';
import type { DecisionMessage } from '@tollgate/core/channels';
import { outcomeOf } from './decision-tally.js';
import { ATTRIBUTES } from './metric-table.js';

/**
 * Tells a decision on the span that is active: that of the request, as a rule. It makes no span of its own. Of several
 * decisions on one span the latest is told, unless one before it refused, or would have.
 */
export class SpanAttributes {
  /** Spans that tell of a refusal. */
  readonly #refused = new WeakSet<Span>();

  tell({ limiter, decision }: DecisionMessage): void {
    const span = trace.getActiveSpan();
    if (span === undefined || !span.isRecording()) return;
    const outcome = outcomeOf(decision);
    if (outcome === 'admitted' && this.#refused.has(span)) return;
    if (outcome !== 'admitted') this.#refused.add(span);
    span.setAttributes({
      [ATTRIBUTES.limiter]: limiter.name,
      [ATTRIBUTES.category]: decision.category,
      [ATTRIBUTES.outcome]: outcome,
      [ATTRIBUTES.reason]: decision.reason,
    });
  }
}
