import { shareInWords } from '../words/index.js';
import type { ChartData } from './chart-data.js';
import { html, type Markup } from './markup.js';
import { barInWords } from './page-days.js';

/** Requests over time, stacked by category, refused ones on top. */
export function overTimeSection({ groups, barMs }: ChartData): Markup {
  return html`<section aria-labelledby="over-time">
<h2 id="over-time">Requests over time</h2>
<p>Each bar is ${barInWords(barMs)}.</p>
<ul class="legend" aria-hidden="true">
${groups.map(({ name, color }) => html`<li><i class="color-${color}"></i><bdi class="name">${name}</bdi></li>\n`)}<li><i class="refused"></i>Refused, of all categories</li>
</ul>
<div class="chart over-time"><canvas id="over-time-chart" role="img" aria-label="Requests over time, admitted by category and refused. The table at the end of the page has the numbers."></canvas></div>
${WITHOUT_SCRIPTS}
</section>`;
}

/** Each category's part of all requests. */
export function sharesSection({ groups }: ChartData): Markup {
  const all = groups.reduce((sum, { totals }) => sum + totals.admitted + totals.refused, 0);
  const words = groups.map(({ name, totals }) => `${name} ${shareInWords((totals.admitted + totals.refused) / all)}`);
  return html`<section aria-labelledby="shares">
<h2 id="shares">Share by category</h2>
<p>Of all requests; hatched: refused.</p>
<div class="chart rows-${groups.length}"><canvas id="shares-chart" role="img" aria-label="${words.join(', ')}"></canvas></div>
${WITHOUT_SCRIPTS}
</section>`;
}

const WITHOUT_SCRIPTS = html`<noscript><p>The chart needs scripts. The tables below have its numbers.</p></noscript>`;
