import { type CounterSpec, type MaybePromise, type Outcome, Quota, Throttle } from '@tollgate/core';
import { isPromise } from '@tollgate/core/kit';
import { describe, expect, it } from 'vitest';
import { redisWorld } from '../store-world.js';

const world = redisWorld();
const own = () => world.store({ clock: () => world.clock.nowMs });

const QUOTAS = [new Quota({ limit: 2, windowMs: 60_000 })];
const WIDE = [new Quota({ limit: 1000, windowMs: 60_000 })];
const CATEGORY: CounterSpec = { name: 'legs', quotas: WIDE };
const SERVICE: CounterSpec = { name: '*', quotas: WIDE, account: '@service' };

const ofLeg = (subject: string): CounterSpec[] => [CATEGORY, { name: `*~leg/${subject}`, quotas: QUOTAS, subject }];
const joint = (...accounts: string[]): CounterSpec[] =>
  accounts.map((account) => ({ name: 'legs', quotas: QUOTAS, account }));

/** The refusal that is known without asking Redis. */
function known(outcome: MaybePromise<Outcome>): Outcome {
  if (isPromise(outcome)) throw new Error('expected an answer at once');
  expect(outcome.allowed).toBe(false);
  return outcome;
}

/** The answer of Redis. */
function asked(outcome: MaybePromise<Outcome>): Promise<Outcome> {
  if (!isPromise(outcome)) throw new Error('expected that Redis is asked');
  return outcome;
}

describe('a refusal of a subject', () => {
  it('is known for equal charges of that subject, and for no other subject, account or cost', async () => {
    const store = own();
    await store.consume('a', ofLeg('L1'), 2);
    await store.consume('a', ofLeg('L1'), 1);
    expect(known(store.consume('a', ofLeg('L1'), 1))).toMatchObject({ used: [2, 2] });
    for (const [account, counters, cost] of [
      ['a', ofLeg('L2'), 1],
      ['a', [...ofLeg('L2'), ...ofLeg('L3').slice(1)], 1],
      ['a', [CATEGORY], 1],
      ['b', ofLeg('L1'), 1],
    ] as const) {
      expect(await store.consume(account, counters, cost)).toMatchObject({ allowed: true });
    }
    // The charge of L2 has added to the category, so Redis is asked once more.
    expect(await store.consume('a', ofLeg('L1'), 1)).toMatchObject({ allowed: false, used: [5, 2] });
    known(store.consume('a', ofLeg('L1'), 1));
    const other = [CATEGORY, { ...ofLeg('L1')[1]!, quotas: [new Quota({ limit: 9, windowMs: 60_000 })] }];
    expect(await store.consume('a', other, 1)).toMatchObject({ allowed: true });
  });

  it('ends with a refund and with a reset of the subject or the account', async () => {
    const store = own();
    for (const free of [
      (outcome: Outcome) => store.refund('a', ofLeg('L1'), 2, outcome),
      () => store.reset('a', '*~leg/L1'),
      () => store.reset('a'),
    ]) {
      const outcome = await store.consume('a', ofLeg('L1'), 2);
      expect(outcome.allowed).toBe(true);
      await store.consume('a', ofLeg('L1'), 1);
      known(store.consume('a', ofLeg('L1'), 1));
      await free(outcome);
    }
    expect(await store.consume('a', ofLeg('L1'), 1)).toMatchObject({ allowed: true });
  });

  it('counts violations of that subject alone, until Redis decides the one that throttles it', async () => {
    const store = own();
    const throttle = new Throttle({ afterViolations: 6, withinMs: 60_000, forMs: 60_000, factor: 0.5 });
    const legOf = (subject: string) => [CATEGORY, { ...ofLeg(subject)[1]!, throttle }];
    for (const leg of ['L1', 'L2']) await store.consume('a', legOf(leg), 2);
    for (const leg of ['L1', 'L2']) await store.consume('a', legOf(leg), 1);
    for (let refusal = 2; refusal <= 5; refusal++) known(store.consume('a', legOf('L1'), 1));
    expect(await store.consume('a', legOf('L1'), 1)).toMatchObject({ beganThrottling: true, throttledMs: [0, 60_000] });
    expect(await store.peek('a', legOf('L2'), 1)).toMatchObject({ throttledMs: [0, 0] });
    const second = await store.consume('a', legOf('L2'), 1);
    expect(second).toMatchObject({ allowed: false, throttledMs: [0, 0] });
    expect(second.beganThrottling ?? false).toBe(false);
  });

  it('is remembered for few subjects of an account, and not for ids that are long', async () => {
    const store = own();
    for (let n = 0; n < 100; n++) {
      await store.consume('a', ofLeg(`L${n}`), 3);
    }
    await asked(store.consume('a', ofLeg('L99'), 3));
    known(store.consume('a', ofLeg('L0'), 3));
    const long = 'x'.repeat(1000);
    await store.consume('b', ofLeg(long), 3);
    await asked(store.consume('b', ofLeg(long), 3));
  });
});

describe('a refused charge of several accounts', () => {
  it('is known for the same accounts, and for no others', async () => {
    const store = own();
    await store.consume('a', joint('a', 'b'), 2);
    await store.consume('a', joint('a', 'b'), 1);
    expect(known(store.consume('a', joint('a', 'b'), 1))).toMatchObject({ used: [2, 2] });
    await asked(store.consume('a', joint('a', 'c'), 1));
    await asked(store.consume('c', joint('c', 'd'), 1));
  });

  it.each<[string, (store: ReturnType<typeof own>, outcome: Outcome) => unknown, boolean]>([
    ['a refund of the charge', (store, outcome) => store.refund('a', joint('a', 'b'), 1, outcome), true],
    ['a reset of the other account', (store) => store.reset('b'), false],
    ['a charge of the other account', (store) => store.consume('b', joint('b'), 1), false],
    ['a record on the other account', (store) => store.record('b', joint('b'), 1, 0), false],
    ['a joint charge of the other account', (store) => store.consume('x', joint('x', 'b'), 1), false],
  ])('ends with %s', async (_, change, allowed) => {
    const store = own();
    const outcome = await store.consume('a', joint('a', 'b'), 1);
    await store.consume('a', joint('a'), 1);
    await store.consume('a', joint('a', 'b'), 1);
    known(store.consume('a', joint('a', 'b'), 1));
    await change(store, outcome);
    expect((await asked(store.consume('a', joint('a', 'b'), 1))).allowed).toBe(allowed);
  });

  it('outlives charges of accounts that it does not name', async () => {
    const store = own();
    const full = [...joint('a'), SERVICE];
    await store.consume('a', full, 2);
    await store.consume('a', full, 1);
    await store.consume('b', joint('b', 'c'), 1);
    known(store.consume('a', full, 1));
    // A charge of another account adds to the counter of the service, whose amount is part of the answer.
    await store.consume('b', [CATEGORY, SERVICE], 1);
    expect(await store.consume('a', full, 1)).toMatchObject({ allowed: false, used: [2, 3] });
  });

  it('counts violations of the counters of each account, and the first refusal after them reports a throttling', async () => {
    const store = own();
    const throttle = new Throttle({ afterViolations: 5, withinMs: 60_000, forMs: 60_000, factor: 0.5 });
    const both = [CATEGORY, { name: 'legs', quotas: QUOTAS, throttle, account: 'b' }];
    const alone = [{ name: 'legs', quotas: QUOTAS, throttle }];
    await store.consume('b', alone, 2);
    await store.consume('a', both, 1);
    for (let refusal = 2; refusal <= 4; refusal++) known(store.consume('a', both, 1));
    // Those are counted before the next charge of `b`, also if charges of others made them.
    expect(await store.consume('b', alone, 2)).toMatchObject({ beganThrottling: true, throttledMs: [60_000] });
    expect(await store.consume('a', both, 1)).toMatchObject({ allowed: false, throttledMs: [0, 60_000] });
  });

  it('is bounded, also in the accounts that it names', async () => {
    const store = world.store({ clock: () => world.clock.nowMs, denyCacheSize: 2 });
    const none = [new Quota({ limit: 0, windowMs: 60_000 })];
    const charge = (n: number) => store.consume(`a${n}`, [{ name: 'legs', quotas: none, account: `b${n}` }], 1);
    for (let n = 0; n < 300; n++) await charge(n);
    known(charge(299));
    await asked(charge(0));
  });
});
