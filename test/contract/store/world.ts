import type { CounterSpec, Outcome, Quota } from '@tollgate/core';
import fc from 'fast-check';
import { runsFor } from '../../effort.js';
import { type Answered, play, type StoreUnderTest } from './player.js';
import { commands, type exactWorld } from './traces.js';

/** What the groups of promises share: how a test gets a store, and how it plays a trace. */
export type StoreWorld = ReturnType<typeof storeWorld>;

/** Each use gets a new store from `makeStore`, and stops it. */
export function storeWorld(makeStore: () => StoreUnderTest | Promise<StoreUnderTest>, effort = 1) {
  const runs = (count: number) => runsFor(Math.ceil(count * effort));
  /** Passes a new store to `use`, and stops it also when `use` fails. */
  const within = async (use: (under: StoreUnderTest) => Promise<void>) => {
    const under = await makeStore();
    try {
      await use(under);
    } finally {
      await under.stop();
    }
  };
  /** Plays random traces, each in a new store, and passes all answers to `judge`. */
  const check = (numRuns: number, world: typeof exactWorld, judge: (answered: Answered[]) => void, peeks = false) =>
    fc.assert(
      fc.asyncProperty(world, commands, (world, commands) =>
        within(async (under) => judge(await play(under, world, commands, { peeks }))),
      ),
      { numRuns: runs(numRuns) },
    );

  return { check, runs, within };
}

/** Advances a clock that has stepped back to the store's latest instant. */
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

/** The part of an outcome that two stores must answer alike. A store may omit `throttledMs` without throttlings. */
export function comparable({ token: _, throttledMs = [], beganThrottling = false, ...rest }: Outcome) {
  return { ...rest, throttledMs: throttledMs.some((ms) => ms > 0) ? throttledMs : [], beganThrottling };
}
