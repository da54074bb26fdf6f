import { createHash } from 'node:crypto';
import { limiterNameOf } from '@tollgate/core';
import { counterPrefixOf } from '@tollgate/core/kit';

/**
 * The names of keys: `prefix:v1:{account}` is an account's index, `prefix:v1:{account}:name` one of its counters, and
 * `prefix:v1:{account}:!name` the violations of that counter. Different pairs of account and counter have different
 * keys, whatever their characters. A cluster hashes what is between the braces.
 */
export class Keys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = `${prefix}:v1:{`;
  }

  index(account: string): string {
    return `${this.#prefix}${account === '' ? EMPTY : encodeName(account)}}`;
  }

  /** The end of a counter's key, behind the account's index. */
  static counterEnd(name: string): string {
    return `:${encodeCounter(name)}`;
  }

  /** The end of the key of a counter's violations. */
  static violationsEnd(name: string): string {
    return `:${VIOLATIONS}${encodeCounter(name)}`;
  }

  static isOfReceipt(end: string): boolean {
    return end.startsWith(`:${RECEIPT}`);
  }

  static isOfViolations(end: string): boolean {
    return end.startsWith(`:${VIOLATIONS}`);
  }

  /** The limiter whose counter has a key with this end. */
  static limiterNameOf(end: string): string {
    return limiterNameOf(end.slice(Keys.isOfViolations(end) ? 2 : 1));
  }

  /** The key of a used receipt of the account. No counter has this name. */
  receipt(index: string, id: string): string {
    return `${index}:${RECEIPT}${id}`;
  }

  /** The index of counters beside the account's, to try whether those can be written. No counter has this name. */
  trial(index: string): string {
    return `${index}:${TRIAL}`;
  }

  /** An index that is no account's. On a cluster, each number may be another slot. */
  trialOf(number: number): string {
    return `${this.#prefix}${TRIAL}${number}}`;
  }
}

// No encoded name is `#`, or begins with `!`.
const EMPTY = '#';
const RECEIPT = '!!';
const TRIAL = '!';
const VIOLATIONS = '!';

/** The limiter's part of a long name stays readable, so that a reset finds all counters of one limiter. */
function encodeCounter(name: string): string {
  const prefix = counterPrefixOf(name);
  return prefix + encodeName(name.slice(prefix.length));
}

/**
 * A name in characters without a meaning to Redis, its patterns or a cluster. Other characters become `%` and the four
 * hexadecimal digits of each UTF-16 unit. A long name becomes `#` and its SHA-256.
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
