import { StoreError } from '@tollgate/core';
import type { BoundedCalls } from '../bounded-calls.js';
import { type HeldLimits, type LimitsChange, readChange, readHeldLimits } from './held-limits.js';
import { LOGGED } from './limits-changes.js';
import { fieldOf, type LimitsKeys, SUSPENSION_FIELD, VERSION_FIELD } from './limits-keys.js';

/** What Redis holds, asked of it and not of the copy. */
export class LimitsQuestions {
  readonly #calls: BoundedCalls;
  readonly #keys: LimitsKeys;

  constructor(calls: BoundedCalls, keys: LimitsKeys) {
    this.#calls = calls;
    this.#keys = keys;
  }

  async get(account: string): Promise<HeldLimits | undefined> {
    const text = await this.#calls.send('HGET', this.#keys.limits, fieldOf(account));
    if (text === null) return undefined;
    const held = readHeldLimits(text);
    if (held?.account === account) return held;
    throw new StoreError('Redis holds limits of the account that cannot be read', {
      charged: 'no',
      concerns: 'account',
    });
  }

  /** A part at a time. What is there all the while comes once; what cannot be read is left out. */
  async *list(): AsyncGenerator<HeldLimits, void, undefined> {
    const seen = new Set<string>();
    let cursor = '0';
    do {
      const reply = await this.#calls.send('HSCAN', this.#keys.limits, cursor, 'COUNT', AT_ONCE);
      const [next, fields] = reply as [string | number, string[]];
      cursor = String(next);
      for (let at = 0; at + 1 < fields.length; at += 2) {
        const field = fields[at]!;
        if (field === VERSION_FIELD || field === SUSPENSION_FIELD || seen.has(field)) continue;
        seen.add(field);
        const held = readHeldLimits(fields[at + 1]);
        if (held !== undefined && fieldOf(held.account) === field) yield held;
      }
    } while (cursor !== '0');
  }

  /** The newest first. */
  async history(last: number, account?: string): Promise<LimitsChange[]> {
    const changes: LimitsChange[] = [];
    const size = account === undefined ? last : AT_ONCE;
    for (let from = 0; from < LOGGED && changes.length < last; from += size) {
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

const AT_ONCE = 100;
