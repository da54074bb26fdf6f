import { entryOf } from '../entry-of.js';
import { showName } from '../errors.js';
import type { Quota } from '../store/index.js';
import type { AddressRanges } from './address-ranges.js';
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
export function removedLimits(layers: LayersByKind): RemovedLimit[] {
  const { base, plans, regions, environments, accounts, addresses } = layers;
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
  removed.push(...removedByAddresses(addresses, replaceable));
  return removed;
}

/** A range replaces the lists of the ranges around it, of `addresses` itself, and of the layers of all parties. */
function removedByAddresses(addresses: AddressRanges | undefined, replaceable: ReplaceableLists): RemovedLimit[] {
  const removed: RemovedLimit[] = [];
  /** For each layer with others within it: the lists that those replace. */
  const around = new Map<CheckedLayer | undefined, ReplaceableLists>([[undefined, replaceable]]);
  const listsAround = ([layer, ...larger]: readonly CheckedLayer[]): ReplaceableLists => {
    return entryOf(around, layer, () => {
      const lists = listsAround(larger).copy();
      lists.add(layer!);
      return lists;
    });
  };
  for (const [layer, ...larger] of addresses?.chains ?? []) {
    const first = layer!.replaces ? undefined : listsAround(larger).firstRemovedBy(layer!);
    if (first !== undefined) removed.push(first);
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
  /** By kind of subject. */
  readonly #ofSubjects = new Map<string, PlacedQuota[]>();

  constructor(base: CheckedLayer | undefined) {
    if (base !== undefined) this.add(base);
  }

  copy(): ReplaceableLists {
    const copy = new ReplaceableLists(undefined);
    for (const [category, known] of this.#ofCategories) copy.#ofCategories.set(category, [...known]);
    for (const [kind, known] of this.#ofSubjects) copy.#ofSubjects.set(kind, [...known]);
    copy.#ofOthers.push(...this.#ofOthers);
    copy.#ofTotal.push(...this.#ofTotal);
    return copy;
  }

  add({ path, quotas, categories, total, each }: CheckedLayer): void {
    for (const category of categories.keys()) {
      if (!this.#ofCategories.has(category)) this.#ofCategories.set(category, [...this.#ofOthers]);
    }
    for (const [category, known] of this.#ofCategories) {
      const entry = categories.get(category);
      if (entry?.quotas !== undefined) keep(known, entry.quotas, listPath(path, 'categories', category, entry.isList));
      else if (quotas !== undefined) keep(known, quotas, `${path}.quotas`);
    }
    if (quotas !== undefined) keep(this.#ofOthers, quotas, `${path}.quotas`);
    if (total !== undefined) keep(this.#ofTotal, total, `${path}.total`);
    for (const [kind, { quotas, isList }] of each) {
      if (quotas === undefined) continue;
      const known = entryOf(this.#ofSubjects, kind, () => []);
      keep(known, quotas, listPath(path, 'each', kind, isList));
    }
  }

  firstRemovedBy({ path, quotas, categories, total, each }: CheckedLayer): RemovedLimit | undefined {
    const removed = (before: readonly PlacedQuota[], by: readonly Quota[], at: string) => {
      const found = by.length === 0 ? undefined : before.find(({ quota }) => !isCovered(quota, by));
      return found && removal(path, found, by, at);
    };
    for (const [category, { quotas: by, isList }] of categories) {
      const before = this.#ofCategories.get(category) ?? this.#ofOthers;
      const first = by && removed(before, by, listPath(path, 'categories', category, isList));
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
    const ofTotal = total && removed(this.#ofTotal, total, `${path}.total`);
    if (ofTotal !== undefined) return ofTotal;
    for (const [kind, { quotas: by, isList }] of each) {
      const first = by && removed(this.#ofSubjects.get(kind) ?? [], by, listPath(path, 'each', kind, isList));
      if (first !== undefined) return first;
    }
    return undefined;
  }
}

function listPath(path: string, group: 'categories' | 'each', name: string, isList: boolean): string {
  return `${path}.${group}.${showName(name)}${isList ? '' : '.quotas'}`;
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
