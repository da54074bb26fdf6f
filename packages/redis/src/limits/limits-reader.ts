import { StoreError } from '@tollgate/core';
import { type Connection, Script } from '../connection.js';
import { CHANGES_SINCE_SCRIPT } from './changes-since-script.js';
import type { LimitsCopy, Replacement, Version } from './limits-copy.js';
import { type LimitsChange, type LimitsKeys, readChange } from './stored-limits.js';

interface ReadResult {
  /** The accounts with other limits than before. */
  readonly changed: readonly string[];
  /** Redis has no limits, and no trace that it ever had some. */
  readonly isEmpty: boolean;
}

/**
 * Brings a copy up to date with Redis: by the changes since its version, or where the log lacks some, by reading all.
 */
export class LimitsReader {
  readonly #connection: Connection;
  readonly #keys: LimitsKeys;
  readonly #copy: LimitsCopy;

  constructor(connection: Connection, keys: LimitsKeys, copy: LimitsCopy) {
    this.#connection = connection;
    this.#keys = keys;
    this.#copy = copy;
  }

  /** @throws StoreError `TOLLGATE_STORE_FAILED`. The copy then stays as it was. */
  async read(): Promise<ReadResult> {
    let known = this.#copy.version;
    let replacement: Replacement | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { kind, latest, changes } = await this.#ask(known);
      if (kind === 'none') return { changed: [], isEmpty: true };
      if (changes !== undefined) {
        // Everything was read in parts. The changes since then make it consistent, and show that it still exists.
        const replaced = replacement === undefined ? [] : this.#copy.replace(known, replacement);
        return { changed: [...new Set([...replaced, ...this.#copy.apply(latest, changes)])], isEmpty: false };
      }
      known = latest;
      replacement = await this.#readAll();
    }
    throw new StoreError('Redis changes the limits faster than they can be read', { charged: 'no' });
  }

  /** Reads in parts: thousands of fields at once would block Redis, and then this process. */
  async #readAll(): Promise<Replacement> {
    const replacement = this.#copy.replacement();
    const fields = await this.#connection.send('HKEYS', this.#keys.limits);
    if (!Array.isArray(fields)) throw wrongShape();
    for (let from = 0; from < fields.length; from += FIELDS_AT_ONCE) {
      const part = fields.slice(from, from + FIELDS_AT_ONCE).map(String);
      const texts = await this.#connection.send('HMGET', this.#keys.limits, ...part);
      if (!Array.isArray(texts)) throw wrongShape();
      replacement.add(part, texts);
    }
    return replacement;
  }

  async #ask(known: Version): Promise<Reply> {
    const version = [String(known.number), known.token];
    const reply = await this.#connection.run(CHANGES_SINCE, this.#keys.both, version);
    const [kind, latest, entries] = Array.isArray(reply) ? reply : [];
    if (kind === 'none') return { kind, latest: known, changes: undefined };
    if (kind === 'same') return { kind, latest: known, changes: [] };
    if (kind !== 'all' && kind !== 'changes') throw wrongShape();
    return { kind, latest: readVersion(latest), changes: kind === 'all' ? undefined : readChanges(entries) };
  }
}

interface Reply {
  readonly kind: 'none' | 'same' | 'changes' | 'all';
  readonly latest: Version;
  /** The oldest first; `undefined` where the log lacks some. */
  readonly changes: readonly LimitsChange[] | undefined;
}

const CHANGES_SINCE = new Script(CHANGES_SINCE_SCRIPT);
const FIELDS_AT_ONCE = 100;
const ATTEMPTS = 4;

function readVersion(latest: unknown): Version {
  const [, number, token] = /^([1-9]\d{0,14}) ([0-9a-f]{1,64})$/.exec(String(latest)) ?? [];
  if (number === undefined || token === undefined) throw wrongShape();
  return { number: Number(number), token };
}

/** `undefined` if one of them cannot be read, as one from a newer version: then everything has to be read. */
function readChanges(entries: unknown): LimitsChange[] | undefined {
  if (!Array.isArray(entries)) throw wrongShape();
  const changes: LimitsChange[] = [];
  for (const entry of entries) {
    const change = readChange(entry);
    if (change === undefined) return undefined;
    changes.push(change);
  }
  return changes.reverse();
}

function wrongShape(): StoreError {
  return new StoreError('Redis answered a read of the limits with a reply of the wrong shape', { charged: 'no' });
}
