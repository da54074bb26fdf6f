import { countInWords, heatBounds, heatOf, WEEKDAYS } from '../words/index.js';
import { html, type Markup } from './markup.js';

/** Requests by weekday and hour as a table whose cells are coloured, and say their number to those who point or listen. */
export function patternSection(pattern: readonly (readonly number[])[]): Markup {
  const most = Math.max(...pattern.flat());
  return html`<section aria-labelledby="pattern">
<h2 id="pattern">By weekday and hour</h2>
<p>Requests, all weeks together; UTC.</p>
<table class="pattern" aria-labelledby="pattern">
<thead><tr><td></td>${HOURS.map((hour) => html`<th scope="col">${hourHead(hour)}</th>`)}</tr></thead>
<tbody>
${pattern.map((row, day) => html`<tr><th scope="row">${WEEKDAYS[day]!.slice(0, 3)}</th>${row.map((requests, hour) => cell(day, hour, requests, most))}</tr>\n`)}</tbody>
</table>
<ul class="legend" aria-hidden="true">
${heatBounds(most, HEATS).map(({ heat, upTo }) => html`<li><i class="heat-${heat}"></i>to ${countInWords(upTo)}</li>\n`)}</ul>
</section>`;
}

const HOURS: readonly number[] = Array.from({ length: 24 }, (_, hour) => hour);
const HEATS = 6;

/** Every sixth hour is seen, every hour is heard. */
function hourHead(hour: number): Markup {
  return hour % 6 === 0 ? html`${hour}` : html`<span class="heard">${hour}</span>`;
}

function cell(day: number, hour: number, requests: number, most: number): Markup {
  const what = `${WEEKDAYS[day]} ${hour}:00 to ${hour + 1}:00: ${countInWords(requests)}`;
  return html`<td class="heat-${heatOf(requests, most, HEATS)}" title="${what}"><span class="heard">${countInWords(requests)}</span></td>`;
}
