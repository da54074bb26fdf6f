import type { UsageReport } from '@tollgate/core/usage';
import { countInWords, minuteInWords, shareInWords } from '../words/index.js';
import { type Content, html, type Markup } from './markup.js';

/** The numbers that are looked for first. */
export function figureCards({ totals, busiestMinute, p95PerMinute, activeMinutes }: UsageReport): Markup {
  const { requests, refused, wouldRefuse, refusedShare } = totals;
  const minutes = activeMinutes === 1 ? 'the one minute' : `the ${countInWords(activeMinutes)} minutes`;
  return html`<dl class="cards">
${card('requests', 'Requests', countInWords(requests), `${countInWords(totals.admitted)} admitted`)}
${card('refused', 'Refused', shareInWords(refusedShare), `${countInWords(refused)} requests`)}
${
  wouldRefuse > 0 &&
  card('would-refuse', 'Would be refused', countInWords(wouldRefuse), 'admitted, since limits are only observed')
}
${
  busiestMinute !== undefined &&
  card(
    'busiest',
    'Busiest minute',
    countInWords(busiestMinute.requests),
    html`${minuteInWords(busiestMinute.minuteAt)}, up to ${countInWords(busiestMinute.peakPerSecond)} in a second`,
  )
}
${card('p95', '95th percentile', countInWords(p95PerMinute), `a minute, of ${minutes} with requests`)}
</dl>`;
}

function card(id: string, term: string, figure: string, more: Content): Markup {
  return html`<div><dt>${term}</dt><dd id="${id}"><strong>${figure}</strong> <small>${more}</small></dd></div>`;
}
