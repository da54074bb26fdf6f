import { describe } from 'vitest';
import { describeAllOrNothing } from './store/all-or-nothing.js';
import { describeBounded } from './store/bounded.js';
import { describeEarlyRefusal } from './store/early-refusal.js';
import { describeExactRetry } from './store/exact-retry.js';
import { describeFreeRefusal } from './store/free-refusal.js';
import { describeLifetime } from './store/lifetime.js';
import { describeNames } from './store/names.js';
import { describeNeverOver } from './store/never-over.js';
import { describeOwners } from './store/owners.js';
import type { StoreUnderTest } from './store/player.js';
import { describeRecord } from './store/record.js';
import { describeRefund } from './store/refund.js';
import { describeSameAnswers } from './store/same-answers.js';
import { describeSubjects } from './store/subjects.js';
import { describeThrottling } from './store/throttling.js';
import { describeTime } from './store/time.js';
import { storeWorld } from './store/world.js';

export type { StoreUnderTest } from './store/player.js';

/**
 * The promises of a store, P1 to P8, as properties over random traces. Each run of a property gets a new store from
 * `makeStore`, without counters of the accounts that the traces use. `records` is whether the store has the optional
 * `record`, `throttles` whether it counts violations and has `pardon`, `joins` whether a charge may name counters of
 * several accounts. `effort` is the share of the random traces that a slow store plays.
 */
export function describeStore(
  name: string,
  makeStore: () => StoreUnderTest | Promise<StoreUnderTest>,
  {
    records = false,
    throttles = false,
    joins = false,
    effort = 1,
  }: {
    readonly records?: boolean;
    readonly throttles?: boolean;
    readonly joins?: boolean;
    readonly effort?: number;
  } = {},
): void {
  const world = storeWorld(makeStore, effort);

  describe(name, () => {
    describeNeverOver(world);
    describeEarlyRefusal(world);
    describeFreeRefusal(world);
    describeAllOrNothing(world);
    describeExactRetry(world);
    describeTime(world);
    describeSameAnswers(world);
    describeBounded(world);
    describeRefund(world);
    describeNames(world);
    describeLifetime(world);
    if (records) describeRecord(world);
    if (throttles) describeThrottling(world, { records });
    describeSubjects(world, { records, throttles });
    if (joins) describeOwners(world, { records, throttles });
  });
}
