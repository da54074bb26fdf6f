import type { CategoryLayer, Layer, PolicyOptions, QuotaList } from '@tollgate/core';
import { alignedRows, isQuotaList, shownName, shownQuotas } from '../words/index.js';

/** What there is in a policy. */
export interface PolicyContents {
  readonly quotas: QuotaList;
  readonly total: QuotaList | null;
  readonly plans: readonly string[];
  readonly regions: readonly string[];
  readonly environments: readonly string[];
  readonly accounts: readonly string[];
  /** Those that have something of their own somewhere. */
  readonly categories: readonly string[];
  /** Where a throttle is said, as errors call the places. */
  readonly throttles: readonly string[];
  /** Where limits are said to be only observed. */
  readonly observed: readonly string[];
}

const LAYERS = ['plans', 'regions', 'environments', 'accounts'] as const;

export function contentsOf(options: PolicyOptions): PolicyContents {
  const categories = new Set<string>();
  const throttles: string[] = [];
  const observed: string[] = [];
  const look = (path: string, { throttle, mode }: CategoryLayer) => {
    if (throttle) throttles.push(path);
    if (mode === 'observe') observed.push(path);
  };
  const lookInto = (path: string, layer: Layer) => {
    look(path, layer);
    for (const [category, said] of Object.entries(layer.categories ?? {})) {
      categories.add(category);
      if (!isQuotaList(said)) look(`${path}.categories.${shownName(category)}`, said);
    }
  };

  lookInto('policy', options);
  const [plans, regions, environments, accounts] = LAYERS.map((kind) => {
    const layers = Object.entries(options[kind] ?? {}) as [string, Layer][];
    for (const [name, layer] of layers) lookInto(`policy.${kind}.${shownName(name)}`, layer);
    return layers.map(([name]) => name);
  }) as [string[], string[], string[], string[]];
  return {
    quotas: options.quotas,
    total: options.total ?? null,
    plans,
    regions,
    environments,
    accounts,
    categories: [...categories],
    throttles,
    observed,
  };
}

export function contentsInWords({
  quotas,
  total,
  plans,
  regions,
  environments,
  accounts,
  ...rest
}: PolicyContents): string {
  const { categories, throttles, observed } = rest;
  return alignedRows(
    [
      ['quotas', shownQuotas(quotas)],
      ['total', total === null ? 'none' : shownQuotas(total)],
      ['plans', listed(plans.map(shownName))],
      ['regions', listed(regions.map(shownName))],
      ['environments', listed(environments.map(shownName))],
      ['accounts', listed(accounts.map(shownName))],
      ['categories', listed(categories.map(shownName))],
      ['throttles', listed(throttles)],
      ['observed', listed(observed)],
    ],
    '  ',
  );
}

function listed(words: readonly string[]): string {
  if (words.length === 0) return 'none';
  const more = words.length - SHOWN;
  return words.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

const SHOWN = 8;
