import { type CategoryLayer, defineAccountLayer, type Layer, type QuotaList } from '@tollgate/core';
import { shownText } from '../safe-text.js';
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
  const { quotas, total, throttle, mode, replace, categories = {} } = layer;
  const rows: string[][] = [];
  if (quotas !== undefined) rows.push(['quotas', shownQuotas(quotas)]);
  for (const [name, category] of Object.entries(categories)) {
    rows.push([
      `category ${shownName(name)}`,
      isQuotaList(category) ? shownQuotas(category) : categoryLayerInWords(category),
    ]);
  }
  if (total !== undefined) rows.push(['total', shownQuotas(total)]);
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

export function isQuotaList(category: QuotaList | CategoryLayer): category is QuotaList {
  return category === 'unlimited' || Array.isArray(category);
}
