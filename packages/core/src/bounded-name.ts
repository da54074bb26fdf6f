import { createHash } from 'node:crypto';

export const LONGEST = 256;
const KEPT = LONGEST + 1 - 64;

/**
 * A name that a store can afford to keep. Up to 256 UTF-16 code units it is the name itself; a longer one keeps its
 * beginning and ends in its SHA-256, 257 units in all, so it meets neither a short name nor another long one.
 */
export function boundedName(name: string): string {
  if (name.length <= LONGEST) return name;
  // UTF-16, since UTF-8 writes every lone surrogate as the same replacement character.
  return name.slice(0, KEPT) + createHash('sha256').update(name, 'utf16le').digest('hex');
}

/**
 * The same string in memory of its own. A part of a URL, cut out by V8, keeps the whole URL alive for as long as it lives
 * itself; a store that holds a million of them should not.
 */
export function ownCopy(text: string): string {
  if (text.length < SHORTEST_CUT) return text;
  const narrow = Buffer.from(text, 'latin1').toString('latin1');
  return narrow === text ? narrow : Buffer.from(text, 'utf16le').toString('utf16le');
}

/** V8 copies shorter cuts by itself. */
const SHORTEST_CUT = 13;
