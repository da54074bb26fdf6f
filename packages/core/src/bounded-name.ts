import { createHash } from 'node:crypto';

export const LONGEST = 256;
const KEPT = LONGEST + 1 - 64;

/**
 * The name, shortened if it is long. Up to 256 UTF-16 code units it stays as it is. A longer name keeps its beginning
 * and ends in its SHA-256, 257 units in all, so it equals neither a short name nor another long one.
 */
export function boundedName(name: string): string {
  if (name.length <= LONGEST) return name;
  // UTF-16, since UTF-8 writes every lone surrogate as the same replacement character.
  return name.slice(0, KEPT) + createHash('sha256').update(name, 'utf16le').digest('hex');
}

/**
 * A copy of the string that shares no memory with another. V8 cuts a part out of a URL without copying it, so the part
 * keeps the whole URL alive. A store with a million such parts would keep a million URLs.
 */
export function ownCopy(text: string): string {
  if (text.length < SHORTEST_CUT) return text;
  const narrow = Buffer.from(text, 'latin1').toString('latin1');
  return narrow === text ? narrow : Buffer.from(text, 'utf16le').toString('utf16le');
}

/** V8 copies shorter cuts anyway. */
const SHORTEST_CUT = 13;
