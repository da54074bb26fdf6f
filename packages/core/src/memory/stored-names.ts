import { boundedName, LONGEST } from '../bounded-name.js';
import { limiterNameOf } from '../store/index.js';

/** The name of a counter in the table. It never equals a {@link violationsName}. */
export function storedName(name: string): string {
  const bounded = boundedName(name);
  return bounded.charCodeAt(0) === MARK ? `!.${bounded}` : bounded;
}

/** The name under which the table keeps a counter's violations. */
export function violationsName(name: string): string {
  if (name === lastName) return lastViolationsName;
  let found = namesOfViolations.get(name);
  if (found === undefined) {
    found = `!,${boundedName(name)}`;
    // Names may come from requests, so the cache is bounded.
    if (namesOfViolations.size >= MAX_CACHED) namesOfViolations.clear();
    if (name.length > LONGEST) return found;
    namesOfViolations.set(name, found);
  }
  lastName = name;
  lastViolationsName = found;
  return found;
}

/** Without this cache, every charge would concatenate and hash the name again. */
const namesOfViolations = new Map<string, string>();
const MAX_CACHED = 1024;
/** The next charge likely has the same name. */
let lastName = '';
let lastViolationsName = '!,';

export function isViolationsName(name: string): boolean {
  return name.startsWith('!,');
}

/** The limiter of a name as {@link storedName} or {@link violationsName} wrote it. */
export function limiterOfStored(name: string): string {
  return limiterNameOf(isViolationsName(name) ? name.slice(2) : name);
}

const MARK = 33; // !
