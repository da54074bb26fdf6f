import { type CategoryLayer, defineAccountLayer, type Layer, type QuotaList } from '@tollgate/core';
import type { SubjectLayer, Until } from '@tollgate/core/kit';
import { shownText } from '../safe-text.js';
import { blockEndInWords } from './party-words.js';
import { quotasInWords } from './quota-words.js';
import { shownName } from './shown-text.js';
import { throttleInWords } from './throttle-words.js';

/**
 * The layer of an account, one row for each option: `category legs  6000/minute`. Redis may contain anything, so an
 * invalid layer is shown as JSON.
 */
export function layerRows(layer: Layer): string[][] {
  try {
    defineAccountLayer(layer);
  } catch {
    return [['invalid', shownText(JSON.stringify(layer))]];
  }
  const { quotas, total, throttle, mode, replace, blocked, categories = {}, each = {} } = layer;
  const rows: string[][] = [];
  if (blocked !== undefined) rows.push(['blocked', blocked === false ? 'no' : endingInWords(blocked)]);
  if (quotas !== undefined) rows.push(['quotas', shownQuotas(quotas)]);
  for (const [name, category] of Object.entries(categories)) {
    rows.push([
      `category ${shownName(name)}`,
      isQuotaList(category) ? shownQuotas(category) : categoryLayerInWords(category),
    ]);
  }
  if (total !== undefined) rows.push(['total', shownQuotas(total)]);
  for (const [kind, subject] of Object.entries(each)) {
    rows.push([`each ${shownName(kind)}`, isQuotaList(subject) ? shownQuotas(subject) : subjectLayerInWords(subject)]);
  }
  if (throttle !== undefined) rows.push(['throttle', throttleInWords(throttle)]);
  if (mode !== undefined) rows.push(['mode', mode]);
  if (replace !== undefined) rows.push(['replace', `${replace}`]);
  return rows;
}

/** Quotas in the form of the command line; names and slices, which that form lacks, in brackets. */
export function shownQuotas(quotas: QuotaList): string {
  if (quotas === 'unlimited' || quotas.length === 0) return quotasInWords(quotas);
  return quotas
    .map(({ name, slices, ...quota }) => {
      const more = [name && `named ${shownName(name)}`, slices && `${slices} slices`].filter(Boolean).join(', ');
      return quotasInWords([quota]) + (more && ` (${more})`);
    })
    .join(',');
}

function categoryLayerInWords({ quotas, throttle, mode }: CategoryLayer): string {
  return [
    quotas && shownQuotas(quotas),
    throttle !== undefined && `throttle ${throttleInWords(throttle)}`,
    mode && `mode ${mode}`,
  ]
    .filter(Boolean)
    .join('; ');
}

function subjectLayerInWords({ blocked, ...settings }: SubjectLayer): string {
  const ids = blockedInWords(blocked);
  return [categoryLayerInWords(settings), ids].filter((part) => part !== '').join('; ');
}

/** `blocked k7 without an end, k8 until 2026-12-31T18:00:00.000Z and 3 more`; `''` for no ids. */
function blockedInWords(blocked: SubjectLayer['blocked']): string {
  const all = blockedEntries(blocked);
  const shown = all.slice(0, LISTED).map(([id, ending]) => `${shownName(id)} ${endingInWords(ending)}`);
  const more = all.length - shown.length;
  return all.length === 0 ? '' : `blocked ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function blockedEntries(blocked: SubjectLayer['blocked'] = []): (readonly [string, true | Until])[] {
  if (Array.isArray(blocked)) return blocked.map((id) => [id, true]);
  return blocked instanceof Map ? [...blocked] : Object.entries(blocked);
}

/** An end may be a number, or a text with any zone. A block that has ended stays among the limits. */
function endingInWords(ending: true | Until): string {
  const until = ending === true ? undefined : new Date(ending.until).getTime();
  return `${blockEndInWords(until)}${until !== undefined && until <= Date.now() ? ' (over)' : ''}`;
}

const LISTED = 8;

export function isQuotaList(category: QuotaList | CategoryLayer): category is QuotaList {
  return category === 'unlimited' || Array.isArray(category);
}
