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

/** What the path of a request to the Legs API shows. */
export interface LegsApiPlace {
  readonly account: string | undefined;
  readonly category: LegsApiCategory;
  /** The leg or the bridge, if `kinds` has that kind. */
  readonly subjects: { readonly leg: string } | { readonly bridge: string } | undefined;
}

/**
 * The account, the category and the leg or bridge of a path, in one pass. Runs for every request, so it compares
 * segments where they lie, and makes strings only of an account, of percent-encoded segments, and of the subjects whose
 * kind `kinds` has.
 */
export function legsApiPlace(target: string, kinds: ReadonlySet<string> = NO_KINDS): LegsApiPlace {
  let account: string | undefined;
  /** The segment after the collection. */
  let subject: string | undefined;
  let collection: Collection | undefined;
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
        subject = undefined;
      } else if (collectionIndex < 0 && (accountsIndex < 0 || index === accountsIndex + 2)) {
        if (word === 'legs' || word === 'bridges') {
          collection = word;
          collectionIndex = index;
        }
      } else if (index === collectionIndex + 1) {
        if (kinds.size > 0) subject = decoded ?? target.slice(start, stop);
      } else if (index === collectionIndex + 2) {
        part = word;
      }
    }
    start = stop + 1;
  }
  if (collection === undefined) return { account, category: 'other', subjects: undefined };
  const category = categoryOf(collection, part, segments - collectionIndex);
  return { account, category, subjects: subject === undefined ? undefined : subjectsOf(collection, subject, kinds) };
}

const NO_KINDS: ReadonlySet<string> = new Set();

function subjectsOf(collection: Collection, id: string, kinds: ReadonlySet<string>): LegsApiPlace['subjects'] {
  if (collection === 'legs') return kinds.has('leg') ? { leg: id } : undefined;
  return kinds.has('bridge') ? { bridge: id } : undefined;
}

/** What the pattern of a route shows for all of its requests. */
export interface LegsApiRoute {
  /** The parameter with the account. */
  readonly parameter: string;
  readonly category: LegsApiCategory;
  /** The parameter with the leg or the bridge. */
  readonly subjects: { readonly leg: string } | { readonly bridge: string } | undefined;
}

/**
 * What the pattern of a route shows for all of its requests: `/v2/accounts/:account_sid/legs/:leg_sid` has the account
 * in `account_sid`, the category `legs`, and the leg in `leg_sid`. `undefined` for a pattern in which another parameter
 * or a wildcard may take the place of a word of the API, or in which the leg is only a part of a segment: then only the
 * path of a request shows it.
 */
export function legsApiRoute(pattern: string): LegsApiRoute | undefined {
  const segments = pattern.split('/').filter((segment) => segment !== '');
  const accounts = segments.findIndex((segment) => !isOpen(segment) && wordOf(segment) === 'accounts');
  const parameter = parameterIn(segments[accounts + 1]);
  if (accounts < 0 || parameter === undefined) return undefined;
  const [first = '', second = '', part = ''] = segments.slice(accounts + 2);
  if (segments.some((segment) => segment.includes('*') || segment.endsWith('?')) || isOpen(first)) return undefined;
  const collection = wordOf(first);
  if (collection !== 'legs' && collection !== 'bridges') return { parameter, category: 'other', subjects: undefined };
  const subject = parameterIn(second.replace(/\(.*\)$/, ''));
  if (isOpen(part) || (isOpen(second) && subject === undefined)) return undefined;
  const category = categoryOf(collection, wordOf(part), segments.length - accounts - 2);
  // A route of one leg, whose id is a word of its pattern, does not name it.
  if (subject === undefined) return { parameter, category, subjects: undefined };
  return { parameter, category, subjects: collection === 'legs' ? { leg: subject } : { bridge: subject } };
}

/** The name of the parameter that is the whole segment. */
function parameterIn(segment = ''): string | undefined {
  return /^:(\w+)$/.exec(segment)?.[1];
}

/** Whether requests choose what stands in the place of a pattern's segment. */
function isOpen(segment: string): boolean {
  return /[:*]/.test(segment);
}

/** `depth` is the number of segments from the collection on. */
function categoryOf(collection: Collection, part: PathWord | undefined, depth: number): LegsApiCategory {
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

type Collection = 'legs' | 'bridges';
type PathWord = Collection | 'accounts' | 'actions' | 'external_events';

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
