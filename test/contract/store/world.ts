import type { CounterSpec, Outcome, Quota } from '@tollgate/core';
import fc from 'fast-check';
import { runsFor } from '../../effort.js';
import { type Answered, play, type StoreUnderTest } from './player.js';
import { commands, type exactWorld } from './traces.js';

/** What the groups of promises share: how a test comes by a store, and how a trace is run in it. */
export type StoreWorld = ReturnType<typeof storeWorld>;

/** Every use takes a store of its own from `makeStore`, and stops it. */
export function storeWorld(makeStore: () => StoreUnderTest | Promise<StoreUnderTest>, effort = 1) {
  const runs = (count: number) => runsFor(Math.ceil(count * effort));
  /** Uses one store, whatever comes of it. */
  const within = async (use: (under: StoreUnderTest) => Promise<void>) => {
    const under = await makeStore();
    try {
      await use(under);
    } finally {
      await under.stop();
    }
  };
  /** Runs one trace in a store of its own and looks at what came of it. */
  const check = (numRuns: number, world: typeof exactWorld, judge: (answered: Answered[]) => void, peeks = false) =>
    fc.assert(
      fc.asyncProperty(world, commands, (world, commands) =>
        within(async (under) => judge(await play(under, world, commands, { peeks }))),
      ),
      { numRuns: runs(numRuns) },
    );

  return { check, runs, within };
}

/** Lets a clock that has stepped back come forward to where it was held. */
export async function catchUp(under: StoreUnderTest): Promise<void> {
  await timeOf(under).advance(60 * 1e7);
}

export function limitsOf(counters: readonly CounterSpec[]): number[] {
  return counters.flatMap(({ quotas }) => quotas.map(({ limit }) => limit));
}

export function timeOf({ time }: StoreUnderTest): NonNullable<StoreUnderTest['time']> {
  if (time === undefined) throw new Error('this needs a store whose clock can be moved');
  return time;
}

export function windowOf({ windowMs }: Quota): number {
  return windowMs;
}

/** What two stores have to answer alike: `throttledMs` may be left out where nothing is throttled. */
export function comparable({ token: _, throttledMs = [], beganThrottling = false, ...rest }: Outcome) {
  return { ...rest, throttledMs: throttledMs.some((ms) => ms > 0) ? throttledMs : [], beganThrottling };
}
