import type { UsageCategory } from '@tollgate/core/usage';
import { clipped, countInWords, plainCategory } from '../words/index.js';
import { html, type Markup } from './markup.js';

/** The suggested limits, each with its reason. */
export function suggestionSection(categories: readonly UsageCategory[]): Markup {
  const suggested = categories.flatMap(({ category, suggestion }) => {
    if (suggestion === undefined) return [];
    const { perMinute, reason } = suggestion;
    return [
      html`<li><strong><bdi>${clipped(plainCategory(category), 60)}</bdi>: ${countInWords(perMinute)} a minute.</strong> ${reason}</li>
`,
    ];
  });
  const what =
    suggested.length === 0
      ? html`<p>None yet: no category had requests in enough minutes to tell.</p>`
      : html`<ul>
${suggested}</ul>`;
  return html`<section class="suggested" aria-labelledby="suggested">
<h2 id="suggested">Suggested limits</h2>
${what}
</section>`;
}
