import { counterPrefixOf, limiterNameOf } from '../store/index.js';
import { DIGEST_BYTES, LONGEST_KEPT, secretDigest } from './secret-digest.js';

/**
 * The name of a counter in the table. It never equals a {@link violationsName}. A name above 64 characters becomes a
 * digest of itself, since a client may invent a million of them; the limiter stays readable behind it.
 */
export function storedName(name: string): string {
  if (name.length > LONGEST_KEPT) return `${DIGESTED}${secretDigest(name)}${counterPrefixOf(name)}`;
  return name.charCodeAt(0) === MARK ? `!.${name}` : name;
}

/** The name under which the table keeps the violations of a counter that it keeps under the name `stored`. */
export function violationsName(stored: string): string {
  if (stored === lastStored) return lastViolationsName;
  let found = namesOfViolations.get(stored);
  if (found === undefined) {
    found = VIOLATIONS + stored;
    // A digest is computed anew for each charge, and a client may invent names: neither may fill the cache.
    if (stored.startsWith(DIGESTED)) return found;
    if (namesOfViolations.size >= MAX_CACHED) namesOfViolations.clear();
    namesOfViolations.set(stored, found);
  }
  lastStored = stored;
  lastViolationsName = found;
  return found;
}

/** Without this cache, every charge would concatenate and hash the name again. */
const namesOfViolations = new Map<string, string>();
const MAX_CACHED = 1024;

export function isViolationsName(stored: string): boolean {
  return stored.startsWith(VIOLATIONS);
}

/** The limiter of a name as {@link storedName} or {@link violationsName} wrote it. */
export function limiterOfStored(stored: string): string {
  const name = isViolationsName(stored) ? stored.slice(VIOLATIONS.length) : stored;
  return limiterNameOf(name.startsWith(DIGESTED) ? name.slice(DIGESTED.length + 2 * DIGEST_BYTES) : name);
}

const MARK = 33; // !
const DIGESTED = '!#';
const VIOLATIONS = '!,';
/** The next charge likely has the same name. */
let lastStored = '';
let lastViolationsName = VIOLATIONS;
