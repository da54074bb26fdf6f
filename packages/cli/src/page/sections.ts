import type { UsageCategory, UsageCorrections, UsageReport } from '@tollgate/core/usage';
import {
  clipped,
  countInWords,
  heatBounds,
  heatOf,
  minuteInWords,
  plainCategory,
  shareInWords,
  WEEKDAYS,
} from '../words/index.js';
import { type Bar, barInWords, timeInWords } from './bars.js';
import type { ChartData } from './chart-data.js';
import { type Content, html, type Markup } from './markup.js';

/** The main figures. */
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
${totals.corrections.count > 0 && correctionsCard(totals.corrections)}
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

/** A debit is no request, so an account may have corrections alone. */
export function correctionCards({ totals: { corrections } }: UsageReport): Markup | false {
  return corrections.count > 0 && html`<dl class="cards">\n${correctionsCard(corrections)}\n</dl>`;
}

function correctionsCard({ count, refundedUnits, debitedUnits }: UsageCorrections): Markup {
  const units = `${countInWords(refundedUnits)} units taken back, ${countInWords(debitedUnits)} added`;
  return card('corrections', 'Corrections', countInWords(count), units);
}

function card(id: string, term: string, figure: string, more: Content): Markup {
  return html`<div><dt>${term}</dt><dd id="${id}"><strong>${figure}</strong> <small>${more}</small></dd></div>`;
}

/** The chart of requests over time, stacked by category, with refused ones on top. */
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

/** The chart of the share of each category. */
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

/** Requests by weekday and hour as a heat map. Tooltips and screen readers give the numbers. */
export function patternSection(pattern: readonly (readonly number[])[]): Markup {
  const most = Math.max(...pattern.flat());
  return html`<section aria-labelledby="pattern">
<h2 id="pattern">By weekday and hour</h2>
<p>Requests, all weeks together; UTC.</p>
<table class="pattern" aria-labelledby="pattern">
<thead><tr><td></td>${HOURS.map((hour) => html`<th scope="col">${hourHead(hour)}</th>`)}</tr></thead>
<tbody>
${pattern.map((row, day) => html`<tr><th scope="row">${WEEKDAYS[day]!.slice(0, 3)}</th>${row.map((requests, hour) => heatCell(day, hour, requests, most))}</tr>\n`)}</tbody>
</table>
<ul class="legend" aria-hidden="true">
${heatBounds(most, HEATS).map(({ heat, upTo }) => html`<li><i class="heat-${heat}"></i>to ${countInWords(upTo)}</li>\n`)}</ul>
</section>`;
}

const HOURS: readonly number[] = Array.from({ length: 24 }, (_, hour) => hour);
const HEATS = 6;

/** Only every sixth hour is visible. Screen readers read every hour. */
function hourHead(hour: number): Markup {
  return hour % 6 === 0 ? html`${hour}` : html`<span class="screen-reader">${hour}</span>`;
}

function heatCell(day: number, hour: number, requests: number, most: number): Markup {
  const what = `${WEEKDAYS[day]} ${hour}:00 to ${hour + 1}:00: ${countInWords(requests)}`;
  return html`<td class="heat-${heatOf(requests, most, HEATS)}" title="${what}"><span class="screen-reader">${countInWords(requests)}</span></td>`;
}

/** The suggested limits with their reasons. */
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
      ? html`<p>None yet: no category had requests in enough minutes.</p>`
      : html`<ul>
${suggested}</ul>`;
  return html`<section class="suggested" aria-labelledby="suggested">
<h2 id="suggested">Suggested limits</h2>
${what}
</section>`;
}

/** All figures of each category. */
export function categoryTable(categories: readonly UsageCategory[]): Markup {
  const hasObserved = categories.some(({ wouldRefuse }) => wouldRefuse > 0);
  const hasCorrections = categories.some(({ corrections }) => corrections.count > 0);
  const heads = [
    ...['Requests', 'Share', 'Refused', 'Share refused', hasObserved && 'Would be refused'],
    ...['95th percentile', 'Busiest minute', 'Suggested limit'],
    ...(hasCorrections ? ['Corrections', 'Units taken back', 'Units added'] : []),
  ];
  const rows = categories.map((of) => {
    const { category, requests, share, refused, refusedShare, wouldRefuse, p95PerMinute } = of;
    const { busiestMinute, suggestion, corrections } = of;
    const { count, refundedUnits, debitedUnits } = corrections;
    return row(html`<bdi class="name">${plainCategory(category)}</bdi>`, [
      countInWords(requests),
      shareInWords(share),
      countInWords(refused),
      shareInWords(refusedShare),
      hasObserved && countInWords(wouldRefuse),
      countInWords(p95PerMinute),
      html`${countInWords(busiestMinute.requests)} <small>${minuteInWords(busiestMinute.minuteAt)}</small>`,
      suggestion === undefined ? '' : html`${countInWords(suggestion.perMinute)} <small>a minute</small>`,
      ...(hasCorrections ? [count, refundedUnits, debitedUnits].map(countInWords) : []),
    ]);
  });
  return html`<section aria-labelledby="categories">
<h2 id="categories">Categories</h2>
${table('categories', 'Category', heads, rows)}
</section>`;
}

/** The numbers of the chart over time. Bars without requests are left out. */
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

/** A table that is wider than the page scrolls, also by keys. */
function table(id: string, head: string, heads: readonly Content[], rows: readonly Markup[]): Markup {
  return html`<div class="scrolls" role="region" aria-labelledby="${id}" tabindex="0"><table aria-labelledby="${id}">
<thead><tr><th scope="col">${head}</th>${heads.map((head) => head !== false && html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>
${rows}</tbody>
</table></div>`;
}

function row(head: Content, cells: readonly Content[]): Markup {
  return html`<tr><th scope="row">${head}</th>${cells.map((cell) => cell !== false && html`<td>${cell}</td>`)}</tr>
`;
}
