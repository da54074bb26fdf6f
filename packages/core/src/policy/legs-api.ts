import { perMinute } from '../store/index.js';
import { definePolicy, type Policy } from './policy.js';

/** The categories of the Legs API, and `other` for every path outside its table, which is limited too. */
export type LegsApiCategory = 'legs' | 'bridges' | 'actions' | 'events' | 'other';

/** The Legs API's default: 100 requests in any rolling minute for each account and category. */
export function legsApiPolicy(): Policy {
  return definePolicy({ quotas: [perMinute(100)] });
}

/**
 * The category of a request to the Legs API, by its path or URL, under any mount prefix. Letter case, doubled and trailing
 * slashes, percent-encoding and a query make no difference, as in routers. A path outside the API's table is `other`.
 *
 * @example
 * legsApiCategory('/v2/accounts/ameyo5m/legs/l1/actions/hangup'); // 'actions'
 */
export function legsApiCategory(path: string): LegsApiCategory {
  return legsApiPlace(path).category;
}

/**
 * The account after `/accounts/` in a path; `undefined` without one. Decoded once, as routers do, so that every spelling of
 * an account is one account.
 */
export function legsApiAccount(path: string): string | undefined {
  return legsApiPlace(path).account;
}

/**
 * The account and the category of a path, in one pass. Runs for every request, so it looks at segments where they lie,
 * instead of making a list of them.
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
  const from = startOfPath(target);
  const end = endOfPath(target, from);
  const hasCodes = target.includes('%');
  for (let start = from; start < end; ) {
    const slash = target.indexOf('/', start);
    const stop = slash < 0 || slash > end ? end : slash;
    if (stop > start) {
      const segment = hasCodes ? decode(target.slice(start, stop)) : target.slice(start, stop);
      const index = segments++;
      const isAccount = accountsIndex >= 0 && index === accountsIndex + 1;
      const word = isAccount ? undefined : wordOf(segment);
      if (isAccount) {
        account = segment;
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

/** `depth` is the number of segments from the collection on. */
function categoryOf(collection: 'legs' | 'bridges', part: PathWord | undefined, depth: number): LegsApiCategory {
  if (depth <= 2) return collection;
  if (depth <= 4 && part === 'actions') return 'actions';
  return depth === 3 && part === 'external_events' ? 'events' : 'other';
}

/** In an absolute-form request target (RFC 9112, section 3.2.2), the path begins after the host. */
function startOfPath(target: string): number {
  if (target.startsWith('/')) return 0;
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(target)?.[0].length ?? 0;
}

function endOfPath(target: string, start: number): number {
  const query = target.indexOf('?', start);
  const fragment = target.indexOf('#', start);
  return Math.min(query < 0 ? target.length : query, fragment < 0 ? target.length : fragment);
}

type PathWord = 'accounts' | 'legs' | 'bridges' | 'actions' | 'external_events';

/** The word of the API that a segment is, in any letter case. */
function wordOf(segment: string): PathWord | undefined {
  return segment.length > LONGEST_WORD ? undefined : (WORDS.get(segment) ?? WORDS.get(segment.toLowerCase()));
}

const LONGEST_WORD = 'external_events'.length;
const WORDS: ReadonlyMap<string, PathWord> = new Map(
  (['accounts', 'legs', 'bridges', 'actions', 'external_events'] as const).map((word) => [word, word]),
);

/** Invalid percent-encoding stays as it is: routers refuse it, and the request is limited all the same. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
