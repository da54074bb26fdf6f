/**
 * The value of a text that is JSON and says nothing twice; `undefined` for any other. It takes a tenth of the time that
 * YAML takes, or less, and tells no places.
 */
export function readPlainJson(text: string): unknown {
  if (!/^\s*\{/.test(text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  // Of a name that occurs twice, `JSON.parse` has kept one.
  return countColons(text) === countNames(value) ? value : undefined;
}

function countNames(value: unknown): number {
  const left = [value];
  let names = 0;
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== 'object' || next === null) continue;
    const parts: unknown[] = Object.values(next);
    if (!Array.isArray(next)) names += parts.length;
    for (const part of parts) left.push(part);
  }
  return names;
}

/** Those outside of strings: one for each name. */
function countColons(json: string): number {
  let colons = 0;
  let isString = false;
  for (let at = 0; at < json.length; at++) {
    const unit = json.charCodeAt(at);
    if (isString && unit === BACKSLASH) at++;
    else if (unit === QUOTE) isString = !isString;
    else if (unit === COLON && !isString) colons++;
  }
  return colons;
}

const QUOTE = 34;
const COLON = 58;
const BACKSLASH = 92;
