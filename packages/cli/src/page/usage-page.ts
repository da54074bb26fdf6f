import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { UsageReport } from '@tollgate/core/usage';
import { minuteInWords, plainName } from '../words/index.js';
import { barsOf, dayInWords } from './bars.js';
import { chartData } from './chart-data.js';
import { html, jsonInScript, Markup } from './markup.js';
import {
  categoryTable,
  correctionCards,
  figureCards,
  overTimeSection,
  patternSection,
  sharesSection,
  stepTable,
  suggestionSection,
} from './sections.js';

export interface PageOptions {
  /** When the report was made, in milliseconds since the epoch. */
  readonly madeAt: number;
  /** The version of the command. */
  readonly version: string;
}

/**
 * A report as a single HTML document. It loads nothing, and runs only its own charts. Without scripts it still shows
 * all numbers.
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
${hasRequests ? figureCards(report) : [html`<p class="nothing">No requests are known of this time.</p>`, correctionCards(report)]}
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

/** The parts of every page, and the content security policy that allows nothing else. */
interface PageParts {
  readonly policy: string;
  readonly style: Markup;
  /** Chart.js. */
  readonly charts: Markup;
  readonly script: Markup;
}

function pageParts(): PageParts {
  const style = readText(new URL('../../page/usage-page.css', import.meta.url));
  const charts = scriptText(new URL('./chart.umd.min.js', import.meta.resolve('chart.js')));
  const script = scriptText(new URL('../../dist/page-script/draw-charts.js', import.meta.url));
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(charts)} ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ];
  return {
    policy: policy.join('; '),
    style: new Markup(`<style>${style}</style>`),
    charts: new Markup(`<script>${charts}</script>`),
    script: new Markup(`<script type="module">${script}</script>`),
  };
}

function readText(file: URL): string {
  return readFileSync(file, 'utf8');
}

/** A script for a page, without texts that would end the element, and without its missing source map. */
function scriptText(file: URL): string {
  return readText(file)
    .replace(/^\/\/# sourceMappingURL=.*$/m, '')
    .replace(/<\/(?=script)/gi, '<\\/')
    .replaceAll('<!--', '<\\!--');
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
