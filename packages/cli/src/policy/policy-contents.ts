import type { CategoryLayer, Layer, PolicyOptions, QuotaList } from '@tollgate/core';
import { alignedRows, isQuotaList, shownName, shownQuotas } from '../words/index.js';

/** The contents of a policy. */
export interface PolicyContents {
  readonly quotas: QuotaList;
  readonly total: QuotaList | null;
  readonly plans: readonly string[];
  readonly regions: readonly string[];
  readonly environments: readonly string[];
  readonly accounts: readonly string[];
  /** The categories that any layer names. */
  readonly categories: readonly string[];
  /** The paths of the layers and categories with a throttle, as in errors. */
  readonly throttles: readonly string[];
  /** The paths of those with `mode: observe`. */
  readonly observed: readonly string[];
}

export function contentsOf(options: PolicyOptions): PolicyContents {
  const categories = new Set<string>();
  const throttles: string[] = [];
  const observed: string[] = [];
  const note = (path: string, { throttle, mode }: CategoryLayer) => {
    if (throttle) throttles.push(path);
    if (mode === 'observe') observed.push(path);
  };
  const noteLayer = (path: string, layer: Layer) => {
    note(path, layer);
    for (const [name, category] of Object.entries(layer.categories ?? {})) {
      categories.add(name);
      if (!isQuotaList(category)) note(`${path}.categories.${shownName(name)}`, category);
    }
  };
  const namesOf = (kind: 'plans' | 'regions' | 'environments' | 'accounts') => {
    const layers = Object.entries(options[kind] ?? {}) as [string, Layer][];
    for (const [name, layer] of layers) noteLayer(`policy.${kind}.${shownName(name)}`, layer);
    return layers.map(([name]) => name);
  };

  noteLayer('policy', options);
  return {
    quotas: options.quotas,
    total: options.total ?? null,
    plans: namesOf('plans'),
    regions: namesOf('regions'),
    environments: namesOf('environments'),
    accounts: namesOf('accounts'),
    categories: [...categories],
    throttles,
    observed,
  };
}

export function contentsInWords({ quotas, total, throttles, observed, ...names }: PolicyContents): string {
  return alignedRows(
    [
      ['quotas', shownQuotas(quotas)],
      ['total', total === null ? 'none' : shownQuotas(total)],
      ...Object.entries(names).map(([kind, all]) => [kind, listed(all.map(shownName))]),
      ['throttles', listed(throttles)],
      ['observed', listed(observed)],
    ],
    '  ',
  );
}

function listed(words: readonly string[]): string {
  if (words.length === 0) return 'none';
  const more = words.length - LISTED;
  return words.slice(0, LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

const LISTED = 8;
