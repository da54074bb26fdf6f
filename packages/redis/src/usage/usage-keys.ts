import { usagePrefixOf } from '@tollgate/core/kit';
import { encodeName } from '../keys.js';

/**
 * The names of keys with usage. `prefix:usage:{account}:v1:2026-11-24` is a day of an account. A cluster hashes what is
 * between the braces, as for the account's counters. Counters have `:v1:` before the braces, so no counter has such a
 * key, whatever the prefixes.
 */
export class UsageKeys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = `${prefix}:usage:{`;
  }

  /** The account's day with the instant `at`. */
  day(account: string, at: number): string {
    return this.dayOf(encodeAccount(account), at);
  }

  /** The same for a name as {@link encodeAccount} writes it. */
  dayOf(encoded: string, at: number): string {
    return `${this.#prefix}${encoded}}:v1:${dateOf(at)}`;
  }

  /** The requests of each second of a minute, kept while processes may add to it. */
  seconds(account: string, category: string, minuteAt: number): string {
    return this.secondsOf(encodeAccount(account), category, minuteAt);
  }

  secondsOf(encoded: string, category: string, minuteAt: number): string {
    return `${this.#prefix}${encoded}}:v1:s:${minuteAt / 60_000}:${encodeName(category)}`;
  }

  /** The lists of a minute: names nearest to their limits, their fullest quotas, and refused names. All in one slot. */
  leaders(minuteAt: number): readonly [nearest: string, fullest: string, refused: string] {
    const key = (name: string) => `${this.#prefix}${LEADERS}}:v1:${name}:${minuteAt / 60_000}`;
    return [key('nearest'), key('fullest'), key('refused')];
  }

  /** The accounts of a day that have keys of their own. */
  accounts(at: number): string {
    return `${this.#prefix}${LEADERS}}:v1:accounts:${dateOf(at)}`;
  }
}

function dateOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** An account's name in keys. The limiter's part of a long name stays readable. */
export function encodeAccount(account: string): string {
  const prefix = usagePrefixOf(account);
  return prefix + encodeName(account.slice(prefix.length)) || NO_NAME;
}

// No encoded name is one of these.
const NO_NAME = '#';
const LEADERS = '!leaders';

/** The field of an hour and category in the hash of a day. */
export function fieldOf(category: string, minuteAt: number): string {
  return `${hourOf(minuteAt)}:${encodeText(category)}`;
}

export function hourOf(minuteAt: number): number {
  return Math.floor(minuteAt / 3_600_000) % 24;
}

/** A text without special characters; {@link decodeText} reverses it. */
export function encodeText(text: string): string {
  return text.replace(STRANGE, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export function decodeText(encoded: string): string {
  return encoded.replace(/%([0-9a-f]{4})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

const STRANGE = /[^A-Za-z0-9._~@*/+-]/g;
