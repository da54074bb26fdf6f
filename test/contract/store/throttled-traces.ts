import { Throttle } from '@tollgate/core';
import fc from 'fast-check';
import { type Command, command, throttlesOf, WINDOWS, type World } from './traces.js';

/** Few violations are enough, so that a short trace has several throttlings. */
export const smallThrottle: fc.Arbitrary<Throttle> = fc
  .record({
    afterViolations: fc.integer({ min: 1, max: 5 }),
    withinMs: fc.constantFrom(...WINDOWS),
    forMs: fc.constantFrom(100, 101, 250, 1000, 5000, 2_678_400_000),
    factor: fc.constantFrom(0, 0.1, 1 / 3, 0.5, 0.9),
    escalate: fc.option(
      fc.record({ factor: fc.constantFrom(1.001, 1.5, 2, 100), upTo: fc.constantFrom(1, 2, 3.5, 1e9) }),
      { nil: undefined },
    ),
  })
  .map(({ escalate, ...numbers }) => {
    if (escalate === undefined) return new Throttle(numbers);
    const maxMs = Math.min(2_678_400_000, Math.floor(numbers.forMs * escalate.upTo));
    return new Throttle({ ...numbers, escalate: { factor: escalate.factor, maxMs } });
  });

/** A counter has one throttle or none, and some charges come without it. */
export function throttled(worlds: fc.Arbitrary<World>): fc.Arbitrary<World> {
  const throttles = fc.oneof(
    { weight: 4, arbitrary: smallThrottle.map((throttle) => [throttle]) },
    { weight: 2, arbitrary: smallThrottle.map((throttle) => [throttle, undefined]) },
    { weight: 1, arbitrary: fc.constant([undefined]) },
  );
  return withThrottles(worlds, throttles);
}

/** The numbers of a counter's throttle differ from charge to charge. */
export function variouslyThrottled(worlds: fc.Arbitrary<World>): fc.Arbitrary<World> {
  return withThrottles(worlds, fc.array(smallThrottle, { minLength: 2, maxLength: 3 }));
}

const edge = fc.record({
  kind: fc.constant('advance' as const),
  to: fc.constantFrom('throttling' as const, 'violation' as const),
  pick: fc.nat(99),
  by: fc.constantFrom(-1, 0, 0, 1),
});

/** A trace without resets, with advances to the edges of throttlings. */
export const steadyCommands: fc.Arbitrary<readonly Command[]> = fc.array(
  fc.oneof({ weight: 5, arbitrary: command.filter(({ kind }) => kind !== 'reset') }, { weight: 1, arbitrary: edge }),
  { minLength: 1, maxLength: 60, size: 'max' },
);

/** A trace with pardons, and with advances to the edges of throttlings. */
export const throttledCommands: fc.Arbitrary<readonly Command[]> = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: command },
    { weight: 4, arbitrary: edge },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('pardon' as const),
        account: fc.nat(3),
        counter: fc.option(fc.nat(1), { nil: undefined }),
      }),
    },
  ),
  { minLength: 1, maxLength: 60, size: 'max' },
);

/** The longest time for which a past event may change an answer. */
export function rememberedMsOf(world: World): number {
  const windows = world.counters.flatMap(({ lists }) => lists.flat().map(({ windowMs }) => windowMs));
  const throttlings = throttlesOf(world).map(({ forMs, escalate, rememberedMs }) => {
    return (escalate?.maxMs ?? forMs) + rememberedMs;
  });
  return Math.max(...windows, ...throttlings, ...throttlesOf(world).map(({ withinMs }) => withinMs));
}

function withThrottles(
  worlds: fc.Arbitrary<World>,
  throttles: fc.Arbitrary<readonly (Throttle | undefined)[]>,
): fc.Arbitrary<World> {
  return fc.tuple(worlds, throttles, throttles).map(([world, ...each]) => ({
    ...world,
    counters: world.counters.map((counter, index) => ({ ...counter, throttles: each[index % 2]! })),
  }));
}
