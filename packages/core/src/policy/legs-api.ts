import { perMinute } from '../store/index.js';
import { definePolicy, type Policy } from './policy.js';

/** The categories of the Legs API, and what a path outside its table belongs to: that is limited too. */
export type LegsApiCategory = 'legs' | 'bridges' | 'actions' | 'events' | 'other';

/** The Legs API's default: 100 requests in any rolling minute, for each account and category. */
export function legsApiPolicy(): Policy {
  return definePolicy({ quotas: [perMinute(100)] });
}

/**
 * The category of a request to the Legs API, by its path or URL. The path may stand under any mount prefix, and is read as
 * forgivingly as routers read it: letter case, doubled and trailing slashes, percent-encoding and a query make no
 * difference. What is not in the API's table is `other`.
 *
 * @example
 * legsApiCategory('/v2/accounts/ameyo5m/legs/l1/actions/hangup'); // 'actions'
 */
export function legsApiCategory(path: string): LegsApiCategory {
  return legsApiPlace(path).category;
}

/**
 * The account that a path names after `/accounts/`, decoded once, as routers decode it, so that every spelling of one
 * account is one account; `undefined` when it names none.
 */
export function legsApiAccount(path: string): string | undefined {
  return legsApiPlace(path).account;
}

/** Account and category of a path, read once for both. */
export function legsApiPlace(path: string): {
  readonly account: string | undefined;
  readonly category: LegsApiCategory;
} {
  const segments = pathSegments(path);
  const account = accountIndex(segments);
  return { account: segments[account], category: categoryOf(segments, account) };
}

/**
 * The path's segments, decoded, less empty ones. Runs for every request: `split` and `filter` take twice as long.
 */
function pathSegments(target: string): string[] {
  const path = pathOf(target);
  const segments: string[] = [];
  for (let start = 0; start < path.length; ) {
    const slash = path.indexOf('/', start);
    const end = slash < 0 ? path.length : slash;
    if (end > start) segments.push(path.slice(start, end));
    start = end + 1;
  }
  return path.includes('%') ? segments.map(decode) : segments;
}

function pathOf(target: string): string {
  // An absolute-form request target (RFC 9112, section 3.2.2): what follows the host is the path.
  const start = target.startsWith('/') ? 0 : (/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(target)?.[0].length ?? 0);
  const query = target.indexOf('?', start);
  const fragment = target.indexOf('#', start);
  const end = Math.min(query < 0 ? target.length : query, fragment < 0 ? target.length : fragment);
  return start === 0 && end === target.length ? target : target.slice(start, end);
}

/** The index of the segment that is the account, or −1. */
function accountIndex(segments: readonly string[]): number {
  for (let index = 0; index < segments.length; index++) {
    if (isWord(segments[index], 'accounts')) return index + 1;
  }
  return -1;
}

function categoryOf(segments: readonly string[], account: number): LegsApiCategory {
  const at = account >= 0 ? account + 1 : segments.findIndex((segment) => collectionOf(segment) !== undefined);
  const collection = collectionOf(segments[at]);
  if (collection === undefined) return 'other';
  const depth = segments.length - at;
  if (depth <= 2) return collection;
  const part = segments[at + 2];
  if (depth <= 4 && isWord(part, 'actions')) return 'actions';
  return depth === 3 && isWord(part, 'external_events') ? 'events' : 'other';
}

function collectionOf(segment: string | undefined): 'legs' | 'bridges' | undefined {
  if (isWord(segment, 'legs')) return 'legs';
  return isWord(segment, 'bridges') ? 'bridges' : undefined;
}

function isWord(segment: string | undefined, word: string): boolean {
  return segment === word || (segment?.length === word.length && segment.toLowerCase() === word);
}

/** A segment that is not valid percent-encoding stays as it is: no router accepts it, and it is limited all the same. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
