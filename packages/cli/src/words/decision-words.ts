import type { Decision } from '@tollgate/core';
import { waitInWords } from './duration-words.js';
import { alignedRows } from './rows.js';
import { shownName } from './shown-text.js';

/** A decision for people: what it is, why, and how each quota stands. */
export function decisionInWords(decision: Decision): string {
  const { account = '', category, throttled, quotas } = decision;
  const lines = [`${shownName(account)} ${shownName(category)}: ${verdict(decision)}`];
  if (throttled !== undefined) {
    const { scope, factor, endsAfterMs } = throttled;
    const whose = scope === 'total' ? 'the total' : shownName(category);
    lines.push(`throttled: limits of ${whose} are at ${factor} of themselves for another ${waitInWords(endsAfterMs)}`);
  }
  if (quotas.length > 0) {
    const rows = quotas.map(({ name, scope, limit, used, remaining, resetAfterMs }) => {
      return [name, scope, `${used}`, `${limit}`, `${remaining}`, resetAfterMs === 0 ? '' : waitInWords(resetAfterMs)];
    });
    lines.push('', alignedRows([['quota', 'scope', 'used', 'limit', 'left', 'more in'], ...rows]));
  }
  return lines.join('\n');
}

function verdict({ allowed, wouldRefuse, reason, retryAfterMs, quotas }: Decision): string {
  const wait = retryAfterMs === null ? 'never admitted at this cost' : `admitted in ${waitInWords(retryAfterMs)}`;
  if (wouldRefuse) return `allowed, since its limits are only observed; enforced: refused (${reason}), ${wait}`;
  if (!allowed) return `refused (${reason}), ${wait}`;
  if (reason === 'suspended') return 'allowed, since limiting is suspended';
  return quotas.length === 0 ? 'allowed, nothing limits it' : 'allowed';
}
