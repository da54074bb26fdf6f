import { showName } from '../errors.js';
import type { Quota } from '../store/index.js';
import type { CheckedLayer } from './layer.js';
import type { LayersByKind } from './names.js';

/** A limit that a layer removes, because its list replaces the list with this limit. */
export interface RemovedLimit {
  /** The list of the layer, such as `policy.plans.enterprise.quotas`. */
  readonly option: string;
  /** Both limits, and what to do. */
  readonly message: string;
}

/**
 * The first limit that each layer removes. Layers with `replace: true` are left out.
 *
 * A list replaces the lists of all less specific layers, for the categories that it applies to. It removes a limit if
 * it has no quota with the same window, and its quotas do not imply the limit: 20 a minute imply 20 a second. The word
 * `'unlimited'` removes every limit and is clear enough, so it is left out too.
 */
export function removedLimits({ base, plans, regions, environments, accounts }: LayersByKind): RemovedLimit[] {
  const removed: RemovedLimit[] = [];
  const replaceable = new ReplaceableLists(base);
  // From the least specific kind on. Layers of one kind never apply together.
  for (const layers of [regions, plans, environments, accounts]) {
    for (const layer of layers.values()) {
      const first = layer.replaces ? undefined : replaceable.firstRemovedBy(layer);
      if (first !== undefined) removed.push(first);
    }
    // No layer is more specific than those of accounts, of which there may be thousands.
    if (layers !== accounts) for (const layer of layers.values()) replaceable.add(layer);
  }
  return removed;
}

function removal(layer: string, { quota, from }: PlacedQuota, by: readonly Quota[], option: string): RemovedLimit {
  const message =
    `\`${option}\` (${by.map(quotaInWords).join(', ')}) replaces \`${from}\` and so removes its limit of ` +
    `${quotaInWords(quota)}. Add the limit to the list, or \`replace: true\` to ${layer}`;
  return { option, message };
}

function quotaInWords({ limit, windowMs }: Quota): string {
  return `${limit} in ${windowMs} ms`;
}

interface PlacedQuota {
  readonly quota: Quota;
  readonly from: string;
}

/** The quotas of the less specific layers: of each list, one for each window. */
class ReplaceableLists {
  /** For each category that a layer names: the quotas that one of the layers sets for it. */
  readonly #ofCategories = new Map<string, PlacedQuota[]>();
  /** The same for all other categories. */
  readonly #ofOthers: PlacedQuota[] = [];
  readonly #ofTotal: PlacedQuota[] = [];

  constructor(base: CheckedLayer) {
    this.add(base);
  }

  add({ path, quotas, categories, total }: CheckedLayer): void {
    for (const category of categories.keys()) {
      if (!this.#ofCategories.has(category)) this.#ofCategories.set(category, [...this.#ofOthers]);
    }
    for (const [category, known] of this.#ofCategories) {
      const entry = categories.get(category);
      if (entry?.quotas !== undefined) keep(known, entry.quotas, listPath(path, category, entry.isList));
      else if (quotas !== undefined) keep(known, quotas, `${path}.quotas`);
    }
    if (quotas !== undefined) keep(this.#ofOthers, quotas, `${path}.quotas`);
    if (total !== undefined) keep(this.#ofTotal, total, `${path}.total`);
  }

  firstRemovedBy({ path, quotas, categories, total }: CheckedLayer): RemovedLimit | undefined {
    const removed = (before: readonly PlacedQuota[], by: readonly Quota[], at: string) => {
      const found = by.length === 0 ? undefined : before.find(({ quota }) => !isCovered(quota, by));
      return found && removal(path, found, by, at);
    };
    for (const [category, { quotas: by, isList }] of categories) {
      const before = this.#ofCategories.get(category) ?? this.#ofOthers;
      const first = by && removed(before, by, listPath(path, category, isList));
      if (first !== undefined) return first;
    }
    if (quotas !== undefined) {
      for (const [category, before] of this.#ofCategories) {
        if (categories.get(category)?.quotas !== undefined) continue;
        const first = removed(before, quotas, `${path}.quotas`);
        if (first !== undefined) return first;
      }
      const first = removed(this.#ofOthers, quotas, `${path}.quotas`);
      if (first !== undefined) return first;
    }
    return total && removed(this.#ofTotal, total, `${path}.total`);
  }
}

function listPath(path: string, category: string, isList: boolean): string {
  return `${path}.categories.${showName(category)}${isList ? '' : '.quotas'}`;
}

/** Adds the quotas whose windows are new: one limit for each window is enough to find a removal. */
function keep(known: PlacedQuota[], quotas: readonly Quota[], from: string): void {
  for (const quota of quotas) {
    const same = known.findIndex((other) => other.quota.windowMs === quota.windowMs);
    // The lowest limit is the one that another list implies least often.
    if (same < 0) known.push({ quota, from });
    else if (quota.limit < known[same]!.quota.limit) known[same] = { quota, from };
  }
}

/** Whether the list has the quota's window, or implies the quota. */
function isCovered({ limit, windowMs }: Quota, by: readonly Quota[]): boolean {
  return by.some((quota) => quota.windowMs === windowMs || quota.limit * Math.ceil(windowMs / quota.windowMs) <= limit);
}
