import type { UsageCategory } from '@tollgate/core/usage';
import { countInWords, minuteInWords, plainCategory, shareInWords } from '../words/index.js';
import type { Bar } from './bars.js';
import { type Content, html, type Markup } from './markup.js';
import { timeInWords } from './page-days.js';

/** All that is known of each category. */
export function categoryTable(categories: readonly UsageCategory[]): Markup {
  const hasObserved = categories.some(({ wouldRefuse }) => wouldRefuse > 0);
  const heads = ['Requests', 'Share', 'Refused', 'Share refused', hasObserved && 'Would be refused'];
  const rows = categories.map((of) => {
    const { category, requests, share, refused, refusedShare, wouldRefuse, p95PerMinute } = of;
    const { busiestMinute, suggestion } = of;
    return row(html`<bdi class="name">${plainCategory(category)}</bdi>`, [
      countInWords(requests),
      shareInWords(share),
      countInWords(refused),
      shareInWords(refusedShare),
      hasObserved && countInWords(wouldRefuse),
      countInWords(p95PerMinute),
      html`${countInWords(busiestMinute.requests)} <small>${minuteInWords(busiestMinute.minuteAt)}</small>`,
      suggestion === undefined ? '' : html`${countInWords(suggestion.perMinute)} <small>a minute</small>`,
    ]);
  });
  return html`<section aria-labelledby="categories">
<h2 id="categories">Categories</h2>
${table('categories', 'Category', [...heads, '95th percentile', 'Busiest minute', 'Suggested limit'], rows)}
</section>`;
}

/** The chart over time in numbers; times without requests are left out. */
export function stepTable(bars: readonly Bar[], barMs: number): Markup {
  const rows = bars.flatMap(({ at, steps }) => {
    const [requests, admitted, refused] = (['requests', 'admitted', 'refused'] as const).map((what) =>
      steps.reduce((sum, step) => sum + step[what], 0),
    );
    if (requests === 0) return [];
    const counts = [requests!, admitted!, refused!].map(countInWords);
    return [row(timeInWords(at, barMs), [...counts, shareInWords(refused! / requests!)])];
  });
  return html`<details>
<summary id="steps">Requests over time in numbers</summary>
${table('steps', 'Time (UTC)', ['Requests', 'Admitted', 'Refused', 'Share refused'], rows)}
</details>`;
}

/** It scrolls by itself where it is wider than the page, also by keys. */
function table(id: string, head: string, heads: readonly Content[], rows: readonly Markup[]): Markup {
  return html`<div class="scrolls" role="region" aria-labelledby="${id}" tabindex="0"><table aria-labelledby="${id}">
<thead><tr><th scope="col">${head}</th>${shown(heads).map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>
${rows}</tbody>
</table></div>`;
}

function row(head: Content, cells: readonly Content[]): Markup {
  return html`<tr><th scope="row">${head}</th>${shown(cells).map((cell) => html`<td>${cell}</td>`)}</tr>
`;
}

function shown(contents: readonly Content[]): readonly Content[] {
  return contents.filter((content) => content !== false);
}
