import fc from 'fast-check';
import { Cluster } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { startCluster } from '../redis-servers/cluster.js';
import { describeOn, describeWith } from './redis-suite.js';
import { expectAllOrNothing } from './store/all-or-nothing.js';
import { expectNeverOnlyAboveLimit } from './store/exact-retry.js';
import { expectNeverOver } from './store/never-over.js';
import { describeOwners } from './store/owners.js';
import { withOwners } from './store/party-traces.js';
import { anyWorld, coarseWorld, exactWorld, movingWorld } from './store/traces.js';
import { storeWorld } from './store/world.js';

const start = async (keyPrefix = '') => {
  const cluster = await startCluster();
  return { client: new Cluster([...cluster.startupNodes], { keyPrefix }), stop: () => cluster.stop() };
};

describeOn('a cluster', 0.1, () => start());

describeWith(
  'a cluster whose accounts share a slot',
  () => start('{one}'),
  (makeStore) => describeOwners(storeWorld(makeStore, 0.1), { records: true, throttles: true }),
);

/**
 * Each slot has a clock and a step of its own, so a charge is not decided at one instant, and what is given back may
 * leave a longer window behind. What holds all the same is this.
 */
describeWith(
  'a cluster whose accounts have several slots',
  () => start(),
  (makeStore) => {
    const { check } = storeWorld(makeStore, 0.2);

    describe('several accounts', () => {
      it.each([
        ['exact windows', exactWorld, false],
        ['coarse slices', coarseWorld, false],
        ['windows that differ from call to call', movingWorld, true],
      ] as const)(
        'P1 never over: no window of any counter admits more than its limit, with %s',
        (_, world, onlyStored) => check(200, withOwners(world), (answered) => expectNeverOver(answered, onlyStored)),
      );
      it('P3 refusal is free: a refused charge changes no quota of any counter once it is answered', () =>
        check(
          200,
          withOwners(anyWorld),
          (answered) => {
            for (const { outcome, before, after } of answered) if (!outcome.allowed) expect(after).toEqual(before);
          },
          true,
        ));
      it('P4 all or nothing: a charge counts on every counter with its cost there, or on none', () =>
        check(200, withOwners(fc.oneof(exactWorld, coarseWorld, anyWorld)), expectAllOrNothing, true));
      it('P5 exact retry: only a cost above a limit is refused without a time to retry', () =>
        check(200, withOwners(anyWorld), (answered) => {
          for (const one of answered) expectNeverOnlyAboveLimit(one);
        }));
    });
  },
);
