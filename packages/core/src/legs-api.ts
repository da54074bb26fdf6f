import { definePolicy, type Policy } from './policy.js';
import { perMinute } from './quota.js';

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
  return categoryOf(pathSegments(path));
}

/**
 * The account that a path names after `/accounts/`, decoded once, as routers decode it, so that every spelling of one
 * account is one account; `undefined` when it names none.
 */
export function legsApiAccount(path: string): string | undefined {
  const segments = pathSegments(path);
  return segments[accountIndex(segments)];
}

/** The path's segments, decoded, less empty ones. */
export function pathSegments(path: string): string[] {
  const end = path.search(/[?#]/);
  const withoutQuery = end < 0 ? path : path.slice(0, end);
  // An absolute-form request target (RFC 9112, section 3.2.2): what follows the host is the path.
  const pathOnly = withoutQuery.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '');
  const segments: string[] = [];
  for (const segment of pathOnly.split('/')) if (segment !== '') segments.push(decode(segment));
  return segments;
}

function accountIndex(segments: readonly string[]): number {
  const accounts = segments.findIndex((segment) => segment.toLowerCase() === 'accounts');
  return accounts < 0 ? -1 : accounts + 1;
}

function categoryOf(segments: readonly string[]): LegsApiCategory {
  const account = accountIndex(segments);
  const resource = account >= 0 ? account + 1 : segments.findIndex((segment) => isResource(segment.toLowerCase()));
  const [collection, , part] = segments.slice(resource, resource + 3).map((segment) => segment.toLowerCase());
  if (resource < 0 || collection === undefined || !isResource(collection)) return 'other';
  const depth = segments.length - resource;
  if (depth <= 2) return collection;
  if (part === 'actions' && depth <= 4) return 'actions';
  if (part === 'external_events' && depth === 3) return 'events';
  return 'other';
}

function isResource(segment: string): segment is 'legs' | 'bridges' {
  return segment === 'legs' || segment === 'bridges';
}

/** A segment that is not valid percent-encoding stays as it is: no router accepts it, and it is limited all the same. */
function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
