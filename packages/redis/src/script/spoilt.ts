import { type CounterSpec, StoreError } from '@tollgate/core';
import { showName, warn } from '@tollgate/core/kit';
import { encodeName } from '../keys.js';
import { ownerOf } from './counters.js';

/**
 * The counters that are spoilt on Redis. Each is reported once, until a reset of its account or of a counter of it.
 * Another program can spoil any number of them, so only {@link MOST_REPORTED} are named.
 */
export class SpoiltCounters {
  /** By account, what was reported. */
  readonly #reported = new Map<string, Set<string>>();
  #count = 0;

  /** The error of an operation on these counters whose status, in the reply of the script, is above 0. */
  errorOf(charged: string, counters: readonly CounterSpec[], status: number): StoreError {
    const isIndex = status > 2 * counters.length;
    const counter = counters[(status - 1) % counters.length]!;
    const { name } = counter;
    const account = ownerOf(counter, charged);
    const what = `${isIndex ? 'index' : `counter ${showName(name)}`} of the account ${showName(account)}`;
    if (this.#isNew(encodeName(account), isIndex ? INDEX : encodeName(name))) {
      const healing = isIndex ? 'the account is reset' : 'the counter is reset';
      warn(CODE, `On Redis, the ${what} is spoilt. Charges that need it are decided without Redis until ${healing}`);
      if (this.#count === MOST_REPORTED)
        warn(CODE, `${MOST_REPORTED} counters are spoilt on Redis. Others are not named`);
    }
    const message = `Redis could not take the charge: the ${what} holds something that is not of this version`;
    return new StoreError(message, { charged: 'no', concerns: 'account' });
  }

  /** After a reset, what is spoilt again is reported again. */
  forget(account: string): void {
    const key = encodeName(account);
    this.#count -= this.#reported.get(key)?.size ?? 0;
    this.#reported.delete(key);
  }

  #isNew(account: string, what: string): boolean {
    const own = this.#reported.get(account) ?? new Set();
    if (own.has(what) || this.#count >= MOST_REPORTED) return false;
    this.#reported.set(account, own.add(what));
    this.#count++;
    return true;
  }
}

const CODE = 'TOLLGATE_COUNTER_SPOILT';
const MOST_REPORTED = 100;
/** No encoded name is this. */
const INDEX = '!';
