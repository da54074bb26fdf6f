import { boundedName, LONGEST } from '../bounded-name.js';

/** The name under which a store in this process keeps a counter. None begins as those of {@link violationsName} do. */
export function counterName(name: string): string {
  const bounded = boundedName(name);
  return bounded.charCodeAt(0) === MARK ? `!.${bounded}` : bounded;
}

/** The name under which it keeps the counter's violations. */
export function violationsName(name: string): string {
  if (name === latestName) return latestOfViolations;
  let known = namesOfViolations.get(name);
  if (known === undefined) {
    known = `!,${boundedName(name)}`;
    // Names may come from requests, so what is remembered is bounded.
    if (namesOfViolations.size >= MOST_REMEMBERED) namesOfViolations.clear();
    if (name.length > LONGEST) return known;
    namesOfViolations.set(name, known);
  }
  latestName = name;
  latestOfViolations = known;
  return known;
}

/** A name put together anew would be hashed anew, with each charge. */
const namesOfViolations = new Map<string, string>();
const MOST_REMEMBERED = 1024;
/** The next charge is likely of the same. */
let latestName = '';
let latestOfViolations = '!,';

export function isOfViolations(name: string): boolean {
  return name.startsWith('!,');
}

const MARK = 33; // !
