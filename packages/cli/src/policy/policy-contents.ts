import type { CategoryLayer, Layer, PolicyOptions, QuotaList } from '@tollgate/core';
import type { PartyLayer, SubjectLayer } from '@tollgate/core/kit';
import { showName } from '@tollgate/core/kit';
import { alignedRows, isQuotaList, shownName, shownQuotas, shownText } from '../words/index.js';

/** The contents of a policy. */
export interface PolicyContents {
  readonly quotas: QuotaList;
  readonly total: QuotaList | null;
  /** The limits of everybody together. */
  readonly service: QuotaList | null;
  readonly plans: readonly string[];
  readonly regions: readonly string[];
  readonly environments: readonly string[];
  readonly accounts: readonly string[];
  /** The ranges of addresses with a layer. */
  readonly addresses: readonly string[];
  /** The categories that any layer names. */
  readonly categories: readonly string[];
  /** The kinds of subjects that any layer names. */
  readonly subjects: readonly string[];
  /** The paths of the layers and their parts with a throttle, as in errors. */
  readonly throttles: readonly string[];
  /** The paths of those with `mode: observe`. */
  readonly observed: readonly string[];
  /** The paths of those that block an account, an address or any subject, also if the block has ended. */
  readonly blocked: readonly string[];
}

export function contentsOf(options: PolicyOptions): PolicyContents {
  const { quotas, total, service } = options;
  const found = new Found();
  found.noteLayer('policy', options);
  const namesOf = (kind: 'plans' | 'regions' | 'environments' | 'accounts') => {
    const layers = Object.entries(options[kind] ?? {}) as [string, PartyLayer][];
    for (const [name, layer] of layers) found.noteLayer(`policy.${kind}.${showName(name)}`, layer);
    return layers.map(([name]) => name);
  };
  const names = {
    plans: namesOf('plans'),
    regions: namesOf('regions'),
    environments: namesOf('environments'),
    accounts: namesOf('accounts'),
    addresses: found.noteAddresses('policy.addresses', options.addresses ?? {}),
  };
  if (service !== undefined) found.notePart('policy.service', service);
  return {
    quotas,
    total: total ?? null,
    service: service === undefined ? null : isQuotaList(service) ? service : service.quotas!,
    ...names,
    categories: [...found.categories],
    subjects: [...found.subjects],
    throttles: found.throttles,
    observed: found.observed,
    blocked: found.blocked,
  };
}

/** What the layers of a policy have, with the paths of it. */
class Found {
  readonly categories = new Set<string>();
  readonly subjects = new Set<string>();
  readonly throttles: string[] = [];
  readonly observed: string[] = [];
  readonly blocked: string[] = [];

  noteLayer(path: string, layer: PartyLayer | PolicyOptions): void {
    if (layer === 'blocked') this.blocked.push(path);
    if (typeof layer === 'string') return;
    this.notePart(path, layer);
    if ('blocked' in layer && layer.blocked) this.blocked.push(path);
    for (const [name, category] of Object.entries(layer.categories ?? {})) {
      this.categories.add(name);
      this.notePart(`${path}.categories.${showName(name)}`, category);
    }
    for (const [kind, subject] of Object.entries(layer.each ?? {})) {
      this.subjects.add(kind);
      this.notePart(`${path}.each.${showName(kind)}`, subject);
      const { blocked = [] }: SubjectLayer = isQuotaList(subject) ? {} : subject;
      if (Object.keys(blocked).length > 0) this.blocked.push(`${path}.each.${showName(kind)}.blocked`);
    }
  }

  /** Settings and ranges stand together, and only ranges have a dot or a colon. Returns the ranges. */
  noteAddresses(path: string, addresses: object): string[] {
    const entries = Object.entries(addresses);
    const isRange = ([name]: readonly [string, unknown]) => /[.:]/.test(name);
    this.noteLayer(path, Object.fromEntries(entries.filter((entry) => !isRange(entry))) as Layer);
    const ranges = entries.filter(isRange) as [string, PartyLayer][];
    for (const [range, layer] of ranges) this.noteLayer(`${path}.${showName(range)}`, layer);
    return ranges.map(([range]) => range);
  }

  notePart(path: string, part: QuotaList | CategoryLayer): void {
    if (isQuotaList(part)) return;
    if (part.throttle) this.throttles.push(path);
    if (part.mode === 'observe') this.observed.push(path);
  }
}

export function contentsInWords({
  quotas,
  total,
  service,
  throttles,
  observed,
  blocked,
  ...names
}: PolicyContents): string {
  return alignedRows(
    [
      ['quotas', shownQuotas(quotas)],
      ['total', total === null ? 'none' : shownQuotas(total)],
      ['service', service === null ? 'none' : shownQuotas(service)],
      ...Object.entries(names).map(([kind, all]) => [kind, listed(all.map(shownName))]),
      ['throttles', listed(throttles.map(shownText))],
      ['observed', listed(observed.map(shownText))],
      ['blocked', listed(blocked.map(shownText))],
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
