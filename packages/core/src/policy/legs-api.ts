import { checkOptions } from '../check.js';
import { showName } from '../errors.js';
import { perMinute } from '../store/index.js';
import type { CategoryLayer, QuotaList } from './layer.js';
import { type KnownNames, LEGS_API_CATEGORIES, type PolicyNames } from './names.js';
import { definePolicy, Policy, type PolicyOptions } from './policy.js';

/** The categories of the Legs API, and `other` for every path outside its table, which is limited too. */
export type LegsApiCategory = (typeof LEGS_API_CATEGORIES)[number];

/** The options of a policy for the Legs API, whose categories are those of the API. */
export interface LegsApiPolicyOptions extends Omit<PolicyOptions, 'quotas' | 'categories' | 'known'> {
  /** Default: 100 requests a minute. */
  readonly quotas?: QuotaList;
  readonly categories?: { readonly [Category in LegsApiCategory]?: QuotaList | CategoryLayer };
  readonly known?: Omit<KnownNames, 'categories'>;
}

/** The names of a policy for the Legs API. */
export interface LegsApiNames extends PolicyNames {
  readonly category: LegsApiCategory;
}

/**
 * A policy whose categories are those of the Legs API, and no others. Without options it is the API's default: 100
 * requests in any rolling minute for each account and category.
 *
 * @throws TypeError or RangeError: see {@link definePolicy}.
 *
 * @example
 * const policy = legsApiPolicy({ plans: { enterprise: { quotas: [perMinute(1000)] } } });
 */
export function legsApiPolicy(options: LegsApiPolicyOptions = {}): Policy<LegsApiNames> {
  const { quotas = [perMinute(100)], categories, known, ...others } = checkOptions('policy', options) as typeof options;
  if (known !== undefined) checkOptions('policy.known', known, ['plans', 'regions', 'environments', 'subjects']);
  for (const category of Object.keys(categories ?? {})) {
    LEGS_API.checkName('category', category, `policy.categories.${showName(category)}`);
  }
  return new Policy({
    ...others,
    quotas,
    ...(categories !== undefined && { categories: categories as Readonly<Record<string, QuotaList | CategoryLayer>> }),
    known: { ...known, categories: LEGS_API_CATEGORIES },
  });
}

const LEGS_API = definePolicy({ quotas: 'unlimited', known: { categories: LEGS_API_CATEGORIES } });

/**
 * The category of a request to the Legs API, by its path or URL, under any mount prefix. Letter case, doubled and
 * trailing slashes, percent-encoding and a query make no difference, as in routers. A path outside the API's table is
 * `other`.
 *
 * @example
 * legsApiCategory('/v2/accounts/ameyo5m/legs/l1/actions/hangup'); // 'actions'
 */
export function legsApiCategory(path: string): LegsApiCategory {
  return legsApiPlace(path).category;
}

/**
 * The account after `/accounts/` in a path; `undefined` without one. Decoded once, as routers do, so that every
 * spelling of an account is one account.
 */
export function legsApiAccount(path: string): string | undefined {
  return legsApiPlace(path).account;
}

/**
 * The account and the category of a path, in one pass. Runs for every request, so it compares segments where they lie,
 * and makes strings only of an account and of percent-encoded segments.
 */
export function legsApiPlace(target: string): {
  readonly account: string | undefined;
  readonly category: LegsApiCategory;
} {
  let account: string | undefined;
  let collection: 'legs' | 'bridges' | undefined;
  /** The word in the third segment from the collection on. */
  let part: PathWord | undefined;
  let accountsIndex = -1;
  let collectionIndex = -1;
  let segments = 0;
  const end = endOfPath(target);
  const hasCodes = target.includes('%');
  for (let start = target.startsWith('/') ? 0 : endOfHost(target); start < end; ) {
    const slash = target.indexOf('/', start);
    const stop = slash < 0 || slash > end ? end : slash;
    if (stop > start) {
      const index = segments++;
      const isAccount = accountsIndex >= 0 && index === accountsIndex + 1;
      const decoded = hasCodes ? decode(target.slice(start, stop)) : undefined;
      const word = isAccount ? undefined : decoded === undefined ? wordAt(target, start, stop) : wordOf(decoded);
      if (isAccount) {
        account = decoded ?? target.slice(start, stop);
      } else if (accountsIndex < 0 && word === 'accounts') {
        // Only what follows the first `accounts` counts.
        accountsIndex = index;
        collectionIndex = -1;
        collection = undefined;
      } else if (collectionIndex < 0 && (accountsIndex < 0 || index === accountsIndex + 2)) {
        if (word === 'legs' || word === 'bridges') {
          collection = word;
          collectionIndex = index;
        }
      } else if (index === collectionIndex + 2) {
        part = word;
      }
    }
    start = stop + 1;
  }
  const depth = segments - collectionIndex;
  return { account, category: collection === undefined ? 'other' : categoryOf(collection, part, depth) };
}

/**
 * What the pattern of a route shows for all of its requests: `/v2/accounts/:account_sid/legs/:leg_sid` has the account
 * in `account_sid`, and the category `legs`. `undefined` for a pattern in which another parameter or a wildcard may
 * take the place of a word of the API: then only the path of a request shows it.
 */
export function legsApiRoute(
  pattern: string,
): { readonly parameter: string; readonly category: LegsApiCategory } | undefined {
  const segments = pattern.split('/').filter((segment) => segment !== '');
  const accounts = segments.findIndex((segment) => !isOpen(segment) && wordOf(segment) === 'accounts');
  const parameter = /^:(\w+)$/.exec(segments[accounts + 1] ?? '')?.[1];
  if (accounts < 0 || parameter === undefined) return undefined;
  const [first = '', , part = ''] = segments.slice(accounts + 2);
  if (segments.some((segment) => segment.includes('*') || segment.endsWith('?')) || isOpen(first)) return undefined;
  const collection = wordOf(first);
  if (collection !== 'legs' && collection !== 'bridges') return { parameter, category: 'other' };
  if (isOpen(part)) return undefined;
  return { parameter, category: categoryOf(collection, wordOf(part), segments.length - accounts - 2) };
}

/** Whether requests choose what stands in the place of a pattern's segment. */
function isOpen(segment: string): boolean {
  return /[:*]/.test(segment);
}

/** `depth` is the number of segments from the collection on. */
function categoryOf(collection: 'legs' | 'bridges', part: PathWord | undefined, depth: number): LegsApiCategory {
  if (depth <= 2) return collection;
  if (depth <= 4 && part === 'actions') return 'actions';
  return depth === 3 && part === 'external_events' ? 'events' : 'other';
}

/** In an absolute-form request target (RFC 9112, section 3.2.2), the path begins after the host. */
function endOfHost(target: string): number {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(target)?.[0].length ?? 0;
}

/** A path ends before its query or fragment. */
function endOfPath(target: string): number {
  const query = target.indexOf('?');
  const end = query < 0 ? target.length : query;
  const fragment = target.indexOf('#');
  return fragment < 0 || fragment > end ? end : fragment;
}

type PathWord = 'accounts' | 'legs' | 'bridges' | 'actions' | 'external_events';

/** The words of the API by their length. */
const WORDS: ReadonlyMap<number, readonly PathWord[]> = new Map<number, readonly PathWord[]>([
  [4, ['legs']],
  [7, ['bridges', 'actions']],
  [8, ['accounts']],
  [15, ['external_events']],
]);

/** The word of the API that a segment is, in any letter case. */
function wordOf(segment: string): PathWord | undefined {
  return wordAt(segment, 0, segment.length);
}

function wordAt(target: string, start: number, stop: number): PathWord | undefined {
  const words = WORDS.get(stop - start);
  if (words === undefined) return undefined;
  for (const word of words) if (target.startsWith(word, start)) return word;
  const lowerCase = target.slice(start, stop).toLowerCase();
  return words.find((word) => word === lowerCase);
}

/** Invalid percent-encoding stays as it is: routers refuse it, and the request is limited all the same. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
