import { randomBytes } from 'node:crypto';
import { StoreError } from '@tollgate/core';
import { limitsConflictError } from '@tollgate/core/kit';
import type { BoundedCalls } from '../bounded-calls.js';
import { Script } from '../connection.js';
import { CHANGE_SCRIPT } from './change-script.js';
import type { LimitsChange } from './held-limits.js';
import { fieldOf, type LimitsKeys, SUSPENSION_FIELD } from './limits-keys.js';

/** What a change is to write. */
export type Intent = Pick<LimitsChange, 'change' | 'account' | 'layer' | 'by' | 'reason'> & {
  /** The version that the account's limits must have; 0: it must have none. */
  readonly ifVersion?: number | undefined;
};

/** When a change was made, and its number. */
export type Made = Pick<LimitsChange, 'version' | 'at'>;

/** Makes changes of the limits on Redis, each in one atomic step. */
export class LimitsChanges {
  readonly #calls: BoundedCalls;
  readonly #keys: LimitsKeys;

  constructor(calls: BoundedCalls, keys: LimitsKeys) {
    this.#calls = calls;
    this.#keys = keys;
  }

  /**
   * `undefined`: there was nothing to delete or to resume.
   *
   * @throws Error `TOLLGATE_LIMITS_CONFLICT`, StoreError `TOLLGATE_STORE_FAILED`.
   */
  async make({ change, account, layer, by, reason, ifVersion }: Intent): Promise<Made | undefined> {
    const rest = JSON.stringify({ account, by, reason, layer }).slice(1, -1);
    const reply = await this.#calls.run(CHANGE, this.#keys.both, [
      change,
      account === undefined ? SUSPENSION_FIELD : fieldOf(account),
      rest === '' ? '' : `,${rest}`,
      randomBytes(8).toString('hex'),
      ifVersion === undefined ? '' : String(ifVersion),
      this.#keys.channel,
      String(LOGGED),
    ]);
    const [outcome, version, at] = Array.isArray(reply) ? reply.map(Number) : [];
    if (outcome === NOTHING_THERE) return undefined;
    if (version === undefined || !Number.isSafeInteger(version)) throw wrongShape();
    if (outcome === CONFLICT) throw limitsConflictError(account ?? '', ifVersion ?? 0, version);
    if (outcome !== DONE || at === undefined || !Number.isSafeInteger(at)) throw wrongShape();
    return { version, at };
  }
}

const CHANGE = new Script(CHANGE_SCRIPT);

const NOTHING_THERE = 0;
const DONE = 1;
const CONFLICT = 2;

/** How many changes the log remembers. */
export const LOGGED = 1000;

function wrongShape(): StoreError {
  return new StoreError('Redis answered a change of the limits with a reply of the wrong shape', {
    charged: 'unknown',
  });
}
