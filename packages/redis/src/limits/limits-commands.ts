import { randomBytes } from 'node:crypto';
import { StoreError } from '@tollgate/core';
import { limitsConflictError } from '@tollgate/core/kit';
import type { BoundedCalls } from '../bounded-calls.js';
import { Script } from '../connection.js';
import { CHANGE_SCRIPT } from './change-script.js';
import {
  fieldOf,
  type LimitsChange,
  type LimitsKeys,
  readChange,
  readStoredLimits,
  type StoredLimits,
  SUSPENSION_FIELD,
  VERSION_FIELD,
} from './stored-limits.js';

/** What a change writes. */
export type Intent = Pick<LimitsChange, 'change' | 'account' | 'layer' | 'by' | 'reason'> & {
  /** The version that the account's limits must have; 0: it must have none. */
  readonly ifVersion?: number | undefined;
};

/** The number of a change, and when it was made. */
export type Made = Pick<LimitsChange, 'version' | 'at'>;

/** Changes and reads the limits on Redis, without the process's copy. */
export class LimitsCommands {
  readonly #calls: BoundedCalls;
  readonly #keys: LimitsKeys;

  constructor(calls: BoundedCalls, keys: LimitsKeys) {
    this.#calls = calls;
    this.#keys = keys;
  }

  /**
   * Makes a change in one atomic step. Returns `undefined` if there was nothing to delete or to resume.
   *
   * @throws Error `TOLLGATE_LIMITS_CONFLICT`, StoreError `TOLLGATE_STORE_FAILED`.
   */
  async change({ change, account, layer, by, reason, ifVersion }: Intent): Promise<Made | undefined> {
    const rest = JSON.stringify({ account, by, reason, layer }).slice(1, -1);
    const reply = await this.#calls.run(CHANGE, this.#keys.both, [
      change,
      account === undefined ? SUSPENSION_FIELD : fieldOf(account),
      rest === '' ? '' : `,${rest}`,
      randomBytes(8).toString('hex'),
      ifVersion === undefined ? '' : String(ifVersion),
      this.#keys.channel,
      String(LOG_LENGTH),
    ]);
    const [status, version, at] = Array.isArray(reply) ? reply.map(Number) : [];
    if (status === NOTHING_THERE) return undefined;
    if (version === undefined || !Number.isSafeInteger(version)) throw wrongShape();
    if (status === CONFLICT) throw limitsConflictError(account ?? '', ifVersion ?? 0, version);
    if (status !== DONE || at === undefined || !Number.isSafeInteger(at)) throw wrongShape();
    return { version, at };
  }

  async get(account: string): Promise<StoredLimits | undefined> {
    const text = await this.#calls.send('HGET', this.#keys.limits, fieldOf(account));
    if (text === null) return undefined;
    const stored = readStoredLimits(text);
    if (stored?.account === account) return stored;
    const message = 'Redis holds limits of the account that cannot be read';
    throw new StoreError(message, { charged: 'no', concerns: 'account' });
  }

  /** Yields all limits that can be read, once each, as far as they exist during the whole iteration. */
  async *list(): AsyncGenerator<StoredLimits, void, undefined> {
    const seen = new Set<string>();
    let cursor = '0';
    do {
      const reply = await this.#calls.send('HSCAN', this.#keys.limits, cursor, 'COUNT', PAGE_SIZE);
      const [next, fields] = reply as [string | number, string[]];
      cursor = String(next);
      for (let index = 0; index + 1 < fields.length; index += 2) {
        const field = fields[index]!;
        if (field === VERSION_FIELD || field === SUSPENSION_FIELD || seen.has(field)) continue;
        seen.add(field);
        const stored = readStoredLimits(fields[index + 1]);
        if (stored !== undefined && fieldOf(stored.account) === field) yield stored;
      }
    } while (cursor !== '0');
  }

  /** The last changes, of one account or of all, the newest first. */
  async history(last: number, account?: string): Promise<LimitsChange[]> {
    const changes: LimitsChange[] = [];
    const size = account === undefined ? last : PAGE_SIZE;
    for (let from = 0; from < LOG_LENGTH && changes.length < last; from += size) {
      const entries = (await this.#calls.send('LRANGE', this.#keys.log, from, from + size - 1)) as string[];
      for (const change of entries.map(readChange)) {
        if (change === undefined || (account !== undefined && change.account !== account)) continue;
        if (changes.length < last) changes.push(change);
      }
      if (entries.length < size) break;
    }
    return changes;
  }
}

const CHANGE = new Script(CHANGE_SCRIPT);

const NOTHING_THERE = 0;
const DONE = 1;
const CONFLICT = 2;

/** The most changes in the log. */
export const LOG_LENGTH = 1000;
const PAGE_SIZE = 100;

function wrongShape(): StoreError {
  return new StoreError('Redis answered a change of the limits with a reply of the wrong shape', {
    charged: 'unknown',
  });
}
