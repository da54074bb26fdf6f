import { type CounterSpec, MemoryStore, type Outcome, Quota, type Store } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoreUnderTest } from './player.js';
import { costOn } from './throttle-oracle.js';
import {
  advance,
  type ChargePick,
  type Command,
  chargeOf,
  chargePick,
  coarseWorld,
  durationOf,
  everyWorld,
  exactWorld,
  roomyWorld,
  type World,
} from './traces.js';
import { comparable, type StoreWorld, timeOf } from './world.js';

type Advance = Extract<Command, { readonly kind: 'advance' }>;
type Step =
  | Exclude<Command, { readonly kind: 'refund' | 'stepBack' | 'reset' | 'pardon' }>
  | { readonly kind: 'record'; readonly account: number; readonly charge: ChargePick; readonly ago: Advance };

/** The used cost of one window in an answer, and the cost that a full log has in it. */
interface Counted {
  readonly used: number;
  readonly logged: number;
}

/** An admission that another store has made counts as if this store had made it at that instant. */
export function describeRecord({ runs, within }: StoreWorld): void {
  describe('record', () => {
    const judge = (numRuns: number, worlds: fc.Arbitrary<World>, look: (counted: Counted) => void) =>
      fc.assert(
        fc.asyncProperty(worlds, steps, (world, steps) =>
          within(async (under) => {
            for (const counted of await playSteps(under, world, steps)) look(counted);
          }),
        ),
        { numRuns: runs(numRuns) },
      );

    it('a window never counts less than a full log, whatever the trace records', () =>
      judge(400, fc.oneof(exactWorld, coarseWorld), ({ used, logged }) => expect(used).toBeGreaterThanOrEqual(logged)));
    it('with limits up to `slices`, a window counts exactly what a full log has', () =>
      judge(300, roomyWorld, ({ used, logged }) => expect(used).toBe(logged)));

    it('a trace with records has the same answers as in memory', () =>
      fc.assert(
        fc.asyncProperty(everyWorld, steps, (world, steps) =>
          within((under) => expectSameRecords(under, world, steps)),
        ),
        { numRuns: runs(400) },
      ));

    it('a record of the present instant has the effect of an admitted consume', () =>
      fc.assert(
        fc.asyncProperty(everyWorld, steps, (world, steps) =>
          within(async (under) => {
            let now = 0;
            const twin = new MemoryStore({ clock: () => now });
            for (const step of steps) {
              if (step.kind === 'advance') {
                await timeOf(under).advance(durationOf(world, step));
                continue;
              }
              const account = world.accounts[step.account % world.accounts.length]!;
              const { counters, cost } = chargeOf(world, step.charge);
              now = (await under.store.peek(account, counters, 0)).now;
              if (twin.consume(account, counters, cost).allowed)
                await recordOn(under.store, account, counters, cost, 0);
              const outcome = await under.store.peek(account, counters, 0);
              now = outcome.now;
              expect(comparable(outcome)).toEqual(comparable(twin.peek(account, counters, 0)));
            }
          }),
        ),
        { numRuns: runs(200) },
      ));

    const quotas = [new Quota({ limit: 3, windowMs: 1000 }), new Quota({ limit: 9, windowMs: 60_000 })];
    const counters: CounterSpec[] = [{ name: 'legs', quotas }];

    it('a record may exceed the limit', () =>
      within(async ({ store }) => {
        for (let times = 0; times < 4; times++) await recordOn(store, 'a', counters, 5, 0);
        expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: false, used: [20, 20] });
      }));
    it('a record counts on both counters, in the windows that the admission has not left', () =>
      within(async (under) => {
        const both: CounterSpec[] = [...counters, { name: '*', quotas }];
        await recordOn(under.store, 'a', both, 2, 1000);
        expect(await under.store.peek('a', both, 0)).toMatchObject({ used: [0, 2, 0, 2] });
        await recordOn(under.store, 'a', both, 1, 999);
        expect(await under.store.peek('a', both, 0)).toMatchObject({
          used: [1, 3, 1, 3],
          resetAfterMs: [1, 59_000, 1, 59_000],
        });
        await timeOf(under).advance(59_000);
        expect(await under.store.peek('a', both, 0)).toMatchObject({ used: [0, 1, 0, 1] });
      }));
    it('a record of an admission that has left every window, or of cost 0, does nothing', () =>
      within(async ({ store }) => {
        await recordOn(store, 'a', counters, 2, 60_000);
        await recordOn(store, 'a', counters, 0, 0);
        expect(await store.peek('a', counters, 0)).toMatchObject({ used: [0, 0], resetAfterMs: [0, 0] });
      }));
    it('a record does not move a later admission', () =>
      within(async (under) => {
        const outcome = await under.store.consume('a', counters, 1);
        await recordOn(under.store, 'a', counters, 1, 500);
        await under.store.refund('a', counters, 1, outcome);
        expect(await under.store.peek('a', counters, 0)).toMatchObject({ used: [1, 1], resetAfterMs: [500, 59_500] });
      }));
  });
}

/** Plays the steps on the store and on a memory store, and compares each answer. */
export async function expectSameRecords(under: StoreUnderTest, world: World, steps: readonly Step[]): Promise<void> {
  let now = 0;
  const store = new MemoryStore({ clock: () => now });
  const follow = (outcome: Outcome) => {
    now = outcome.now;
  };
  await playSteps(under, world, steps, { store, follow });
}

async function recordOn(store: Store, account: string, counters: readonly CounterSpec[], cost: number, agoMs: number) {
  if (store.record === undefined) throw new Error('this store has no record');
  await store.record(account, counters, cost, agoMs);
}

/** Plays the steps. With a twin, every answer must equal the answer of the twin. */
async function playSteps(
  under: StoreUnderTest,
  world: World,
  steps: readonly Step[],
  twin?: { readonly store: Store; follow(outcome: Outcome): void },
): Promise<Counted[]> {
  const { store } = under;
  const counted: Counted[] = [];
  const log: { readonly key: string; readonly at: number; readonly cost: number }[] = [];
  const keyOf = (account: string, { name, account: owner = account }: CounterSpec) => JSON.stringify([owner, name]);

  for (const step of steps) {
    if (step.kind === 'advance') {
      await timeOf(under).advance(durationOf(world, step));
      continue;
    }
    const account = world.accounts[step.account % world.accounts.length]!;
    const { counters, cost } = chargeOf(world, step.charge);
    const method = step.kind === 'consume' ? 'consume' : 'peek';
    const outcome = await store[method](account, counters, cost);
    const { now } = outcome;
    twin?.follow(outcome);
    if (twin) expect(comparable(outcome)).toEqual(comparable(await twin.store[method](account, counters, cost)));
    let ago = 0;
    if (step.kind === 'record') {
      ago = durationOf(world, step.ago);
      await recordOn(store, account, counters, cost, ago);
      if (twin) await recordOn(twin.store, account, counters, cost, ago);
    }
    const isCharged = step.kind === 'consume' && outcome.allowed;
    let at = 0;
    for (const counter of counters) {
      const charged = isCharged ? costOn(counter, cost) : 0;
      for (const { windowMs } of counter.quotas) {
        const inWindow = log.filter((one) => one.key === keyOf(account, counter) && one.at > now - windowMs);
        const logged = inWindow.reduce((sum, one) => sum + one.cost, 0);
        counted.push({ used: outcome.used[at]! - charged, logged });
        at++;
      }
    }
    if (step.kind === 'record' || isCharged) {
      for (const counter of counters) {
        log.push({ key: keyOf(account, counter), at: now - ago, cost: costOn(counter, cost) });
      }
    }
  }
  return counted;
}

const account = fc.nat(3);
export const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('consume' as const), account, charge: chargePick }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('peek' as const), account, charge: chargePick }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('record' as const), account, charge: chargePick, ago: advance }),
    },
    { weight: 3, arbitrary: advance },
  ),
  { minLength: 1, maxLength: 60, size: 'max' },
);
