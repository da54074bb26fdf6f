import { MemoryStore, type Outcome, type Store } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsFor } from '../../effort.js';
import { type Charge, play, type StoreUnderTest } from './player.js';
import { type Command, commands, everyWorld, type World } from './traces.js';
import { comparable, type StoreWorld } from './world.js';

/** P7: every store answers like the memory store. */
export function describeSameAnswers({ within }: StoreWorld): void {
  describe('P7 same answers', () => {
    it('a trace has the same answers as in memory', () =>
      fc.assert(
        fc.asyncProperty(everyWorld, commands, (world, commands) =>
          within((under) => expectSameAnswers(under, world, commands)),
        ),
        { numRuns: runsFor(400) },
      ));
  });
}

/** Plays a trace on the store and on a memory store, and compares each answer. */
export async function expectSameAnswers(
  under: StoreUnderTest,
  world: World,
  commands: readonly Command[],
): Promise<void> {
  // The memory store reads the instants that the store under test has answered with.
  let now = 0;
  const memory = new MemoryStore({ clock: () => now });
  const tokens = new Map<Outcome, Outcome>();
  const answers: unknown[] = [];
  const paired = async (method: 'consume' | 'peek', charge: Charge): Promise<Outcome> => {
    const { account, counters, cost } = charge;
    const outcome = await under.store[method](account, counters, cost);
    now = outcome.now;
    const twin = memory[method](account, counters, cost);
    tokens.set(outcome, twin);
    answers.push([comparable(outcome), comparable(twin)]);
    return outcome;
  };
  const store: Store = {
    consume: (account, counters, cost) => paired('consume', { account, counters, cost }),
    peek: (account, counters, cost) => paired('peek', { account, counters, cost }),
    async refund(account, counters, cost, outcome) {
      await under.store.refund(account, counters, cost, outcome);
      memory.refund(account, counters, cost, tokens.get(outcome)!);
    },
    async pardon(account, name) {
      await (name === undefined ? under.store.pardon!(account) : under.store.pardon!(account, name));
      if (name === undefined) memory.pardon(account);
      else memory.pardon(account, name);
    },
    async reset(account, name) {
      await (name === undefined ? under.store.reset(account) : under.store.reset(account, name));
      if (name === undefined) memory.reset(account);
      else memory.reset(account, name);
    },
    close: () => undefined,
  };
  const answered = await play({ ...under, store }, world, commands);
  expect(answers.length).toBeGreaterThanOrEqual(answered.length);
  for (const pair of answers) {
    const [outcome, twin] = pair as [unknown, unknown];
    expect(outcome).toEqual(twin);
  }
}
