import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Markup } from './markup.js';

/** What is in every page, and the policy that lets nothing else be loaded or run. */
export interface PageParts {
  readonly policy: string;
  readonly style: Markup;
  /** Chart.js. */
  readonly charts: Markup;
  readonly script: Markup;
}

export function pageParts(): PageParts {
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

/** A program without what would end it early inside of a page, and without the name of a map that is not there. */
function scriptText(file: URL): string {
  return readText(file)
    .replace(/^\/\/# sourceMappingURL=.*$/m, '')
    .replace(/<\/(?=script)/gi, '<\\/')
    .replaceAll('<!--', '<\\!--');
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
