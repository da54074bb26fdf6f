import { MemoryStore, type Outcome } from '@tollgate/core';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { StoreUnderTest } from './player.js';
import { advance, type ChargePick, type Command, chargeOf, chargePick, durationOf, type World } from './traces.js';
import { comparable, timeOf } from './world.js';

/** The same charge `times` times at once, and the time that passes after it. */
interface Crowd {
  readonly charge: ChargePick;
  readonly times: number;
  readonly advance: Extract<Command, { kind: 'advance' }>;
}

export const crowds: fc.Arbitrary<readonly Crowd[]> = fc.array(
  fc.record({ charge: chargePick, times: fc.integer({ min: 1, max: 12 }), advance }),
  { minLength: 1, maxLength: 12, size: 'max' },
);

/**
 * A store decides the charges of a crowd as if they came one after the other. The answer to a refused charge may
 * already contain the effect of the last one. The state that remains is the same.
 */
export async function expectSameCrowds(under: StoreUnderTest, world: World, crowds: readonly Crowd[]): Promise<void> {
  let now = 0;
  const twin = new MemoryStore({ clock: () => now });
  const account = world.accounts[0]!;
  for (const { charge, times, advance } of crowds) {
    const { counters, cost } = chargeOf(world, charge);
    const each = Array.from({ length: times });
    const outcomes = await Promise.all(each.map(() => under.store.consume(account, counters, cost)));
    now = outcomes[0]!.now;
    const twins = each.map(() => twin.consume(account, counters, cost));
    expect(outcomes.map(decided).sort()).toEqual(twins.map(decided).sort());
    expect(outcomes.some(({ beganThrottling }) => beganThrottling)).toBe(
      twins.some(({ beganThrottling }) => beganThrottling),
    );
    for (const outcome of outcomes) expect(twins.map(timesOf)).toContainEqual(timesOf(outcome));
    const left = await under.store.peek(account, counters, cost);
    expect(comparable(left)).toEqual(comparable(twin.peek(account, counters, cost)));
    await timeOf(under).advance(durationOf(world, advance));
  }
}

function decided({ now, allowed, used }: Outcome): string {
  return JSON.stringify({ now, allowed, used });
}

function timesOf(outcome: Outcome) {
  const { allowed, resetAfterMs, retryAfterMs, throttledMs } = comparable(outcome);
  return { allowed, resetAfterMs, retryAfterMs, throttledMs };
}
