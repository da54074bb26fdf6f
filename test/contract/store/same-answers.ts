import { MemoryStore, type Outcome, type Store } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Charge, play } from './player.js';
import { commands, everyWorld } from './traces.js';
import { type StoreWorld, withoutToken } from './world.js';

/** P7: every store answers as the memory store does. */
export function describeSameAnswers({ within }: StoreWorld): void {
  describe('P7 same answers', () => {
    it('P7 same answers: a trace has the answers that it has in memory', () =>
      fc.assert(
        fc.asyncProperty(everyWorld, commands, (world, commands) =>
          within(async (under) => {
            // The memory store lives through the same instants, taken from the answers of the store under test.
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
              answers.push([withoutToken(outcome), withoutToken(twin)]);
              return outcome;
            };
            const store: Store = {
              consume: (account, counters, cost) => paired('consume', { account, counters, cost }),
              peek: (account, counters, cost) => paired('peek', { account, counters, cost }),
              async refund(account, counters, cost, outcome) {
                await under.store.refund(account, counters, cost, outcome);
                memory.refund(account, counters, cost, tokens.get(outcome)!);
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
          }),
        ),
        { numRuns: 400 },
      ));
  });
}
