import { type CategoryLayer, defineAccountLayer, type Layer, type QuotaList } from '@tollgate/core';
import { quotasInWords } from './quota-words.js';
import { shownName, shownText } from './shown-text.js';
import { throttleInWords } from './throttle-words.js';

/**
 * What holds for an account, a row for each thing that is said: `category legs  6000/minute`. Whoever may write to Redis may
 * have written anything, so what no policy could say is shown as it is.
 */
export function layerRows(layer: Layer): string[][] {
  try {
    defineAccountLayer(layer);
  } catch {
    return [['makes no sense', shownText(JSON.stringify(layer))]];
  }
  const { quotas, total, throttle, mode, categories = {} } = layer;
  const rows: string[][] = [];
  if (quotas !== undefined) rows.push(['quotas', shownQuotas(quotas)]);
  for (const [category, said] of Object.entries(categories)) {
    rows.push([`category ${shownName(category)}`, isQuotaList(said) ? shownQuotas(said) : saidOfCategory(said)]);
  }
  if (total !== undefined) rows.push(['total', shownQuotas(total)]);
  if (throttle !== undefined) rows.push(['throttle', throttleInWords(throttle)]);
  if (mode !== undefined) rows.push(['mode', mode]);
  return rows;
}

/** Quotas in the words of the command line, and what those cannot say after each. */
export function shownQuotas(quotas: QuotaList): string {
  if (quotas === 'unlimited' || quotas.length === 0) return quotasInWords(quotas);
  return quotas
    .map(({ name, slices, ...quota }) => {
      const more = [name && `named ${shownName(name)}`, slices && `${slices} slices`].filter(Boolean).join(', ');
      return quotasInWords([quota]) + (more && ` (${more})`);
    })
    .join(',');
}

function saidOfCategory({ quotas, throttle, mode }: CategoryLayer): string {
  return [
    quotas && shownQuotas(quotas),
    throttle !== undefined && `throttle ${throttleInWords(throttle)}`,
    mode && `mode ${mode}`,
  ]
    .filter(Boolean)
    .join('; ');
}

export function isQuotaList(said: QuotaList | CategoryLayer): said is QuotaList {
  return said === 'unlimited' || Array.isArray(said);
}
