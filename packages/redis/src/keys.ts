import { createHash } from 'node:crypto';

/**
 * Names of keys: `prefix:v1:{account}` is an account's index, `prefix:v1:{account}:name` one of its counters, and
 * `prefix:v1:{account}:!name` the violations of that. No two pairs of account and counter meet, whatever characters they have, and what is between the braces is what a cluster hashes.
 */
export class Keys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = `${prefix}:v1:{`;
  }

  index(account: string): string {
    return `${this.#prefix}${account === '' ? EMPTY : encodeName(account)}}`;
  }

  /** What the key of a counter has behind the account's index. */
  static counterEnd(name: string): string {
    return `:${encodeName(name)}`;
  }

  /** What the key of a counter's violations has behind the account's index. */
  static violationsEnd(name: string): string {
    return `:${VIOLATIONS}${encodeName(name)}`;
  }

  /** Whether an entry of an account's index, which is what stands behind it in a key, is of violations. */
  static isOfViolations(entry: string): boolean {
    return entry.startsWith(VIOLATIONS);
  }

  /** A key beside the account's, for trying whether they can be written; no counter has this name. */
  probe(index: string): string {
    return `${index}:${PROBE}`;
  }
}

// Marks that no encoded name is, or begins with.
const EMPTY = '#';
const PROBE = '!';
const VIOLATIONS = '!';

/**
 * A name in characters that mean nothing to Redis, to its patterns or to a cluster. Others become `%` and the four
 * hexadecimal digits of each UTF-16 unit; what would be long becomes `#` and its SHA-256.
 */
export function encodeName(name: string): string {
  if (PLAIN.test(name)) return name;
  // UTF-16, since UTF-8 writes every lone surrogate as the same replacement character.
  if (name.length > LONGEST) return `#${createHash('sha256').update(name, 'utf16le').digest('hex')}`;
  return name.replace(STRANGE, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const LONGEST = 128;
const PLAIN = /^[A-Za-z0-9._~@*/+-]{1,128}$/;
const STRANGE = /[^A-Za-z0-9._~@*/+-]/g;
