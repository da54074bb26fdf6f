import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Quota, StoreError } from '@tollgate/core';
import { causeInWords, within } from '@tollgate/core/kit';
import type { Connection } from '../connection.js';
import type { Keys } from '../keys.js';
import { Call, CONSUME, Operation, SpoiltCounters } from '../script/index.js';
import { CHARGE } from './batcher.js';

/**
 * Makes a charge that nobody counts, to try whether charges can be recorded: it needs the rights that a charge needs,
 * and fails where a charge would. Its counter is a new one in the index with that key. Both expire within seconds.
 */
export function tryCharge(connection: Connection, keys: Keys, index: string): Promise<unknown> {
  const counters = [{ name: randomBytes(8).toString('hex'), quotas: [QUOTA] }];
  const call = new Call(keys);
  const answered = new Promise((resolve, reject) => {
    const request = { kind: CONSUME, account: '', counters, cost: 1, askedAt: 0 } as const;
    call.add(new Operation(request, resolve, reject), 1, index);
  });
  const written = call.write(randomInt(2 ** 47));
  connection
    .runForBytes(CHARGE, written.keys, [written.argument])
    .then((bytes) => call.answer(bytes, new SpoiltCounters()))
    .catch((error) => call.reject(error));
  return answered;
}

/**
 * Tries charges until they succeed, on a cluster on every master. Ends early when the connection is closed.
 *
 * @throws StoreError after `timeoutMs`, with what the server or the network answered last as its cause.
 */
export async function untilCharged(connection: Connection, keys: Keys, timeoutMs: number): Promise<void> {
  let latest: unknown;
  let isLate = false;
  const succeeded = async () => {
    while (!isLate && !connection.closed) {
      try {
        await connection.connected(ATTEMPT_MS);
        const indexes = connection.keyOfEachMaster((number) => keys.trialOf(number));
        const trials = Promise.all(indexes.map((index) => tryCharge(connection, keys, index)));
        await within(trials, ATTEMPT_MS, () => {
          throw new Error(`Redis did not answer within ${ATTEMPT_MS} ms`);
        });
        return;
      } catch (error) {
        latest = (error as StoreError).cause ?? error;
        await sleep(PAUSE_MS);
      }
    }
  };
  await within(succeeded(), timeoutMs, () => {
    isLate = true;
    const cause = connection.error ?? latest;
    const why = cause === undefined ? '' : `: ${causeInWords(cause)}`;
    throw new StoreError(`Redis was not ready within ${timeoutMs} ms${why}`, {
      charged: 'no',
      ...(cause !== undefined && { cause }),
    });
  });
}

const QUOTA = new Quota({ limit: 1, windowMs: 1000 });
/** A silent connection is opened anew by a later attempt. */
const ATTEMPT_MS = 1000;
const PAUSE_MS = 100;
