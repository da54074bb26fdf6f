import type { UsageReport } from '@tollgate/core/usage';
import { minuteInWords, plainName } from '../words/index.js';
import { barsOf } from './bars.js';
import { chartData } from './category-groups.js';
import { overTimeSection, sharesSection } from './chart-sections.js';
import { figureCards } from './figure-cards.js';
import { html, jsonInScript } from './markup.js';
import { dayInWords } from './page-days.js';
import { pageParts } from './page-parts.js';
import { patternSection } from './pattern-section.js';
import { suggestionSection } from './suggestion-section.js';
import { categoryTable, stepTable } from './usage-tables.js';

export interface PageOptions {
  /** When the report was made, in milliseconds since the epoch. */
  readonly madeAt: number;
  /** Of the command. */
  readonly version: string;
}

/**
 * A report as one HTML document that holds all that it needs, loads nothing and runs nothing but its own charts. Without
 * scripts its numbers are all there.
 */
export function usagePage(report: UsageReport, { madeAt, version }: PageOptions): string {
  const { barMs, bars } = barsOf(report);
  const data = chartData(report, barMs, bars);
  const { policy, style, charts, script } = pageParts();
  const account = plainName(report.account);
  const days = `${dayInWords(report.from)} to ${dayInWords(report.to - 1)}`;
  const hasRequests = report.totals.requests > 0;

  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<meta name="referrer" content="no-referrer">
<title>Usage of ${account}, ${days}</title>
<link rel="icon" href="data:,">
${style}
</head>
<body>
<main>
<header>
<h1>Usage of <bdi>${account}</bdi></h1>
<p>${minuteInWords(report.from)} to ${minuteInWords(report.to)}. All times are UTC.</p>
</header>
${hasRequests ? figureCards(report) : html`<p class="nothing">No requests are known of this time.</p>`}
${
  hasRequests && [
    overTimeSection(data),
    html`<div class="pair">${sharesSection(data)}${patternSection(report.pattern)}</div>`,
    suggestionSection(report.categories),
    categoryTable(report.categories),
    stepTable(bars, barMs),
  ]
}
<footer>
<p>Each request counts once, whatever it costs. Refused ones were turned away by a rate limit.</p>
<p>Made at ${minuteInWords(madeAt)} UTC by tollgate ${version}.</p>
</footer>
</main>
${hasRequests && [html`<script type="application/json" id="chart-data">${jsonInScript(data)}</script>`, charts, script]}
</body>
</html>
`.text;
}
