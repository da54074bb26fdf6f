import { type CounterSpec, MemoryStore, type Outcome, Quota, type Store } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answered, type Charge, play, type StoreUnderTest } from './player.js';
import {
  anyWorld,
  type ChargePick,
  chargeOf,
  coarseWorld,
  commands,
  exactWorld,
  HOSTILE_NAMES,
  hostileWorld,
  movingWorld,
} from './traces.js';

export type { StoreUnderTest } from './player.js';

/**
 * The promises of a store, P1 to P8, as properties over random traces. Every run of a property takes a store of its own
 * from `makeStore`: one that holds no counters, or at least none of the accounts that the traces use.
 */
export function describeStore(name: string, makeStore: () => StoreUnderTest | Promise<StoreUnderTest>): void {
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
      { numRuns },
    );

  describe(name, () => {
    describe('P1 never over', () => {
      it('P1 never over: in no rolling window is more admitted than the limit that was asked for', () =>
        check(600, exactWorld, (answered) => expectNeverOver(answered)));
      it('P1 never over: nor with coarse slices', () =>
        check(600, coarseWorld, (answered) => expectNeverOver(answered)));
      it('P1 never over: nor when windows differ from call to call, as far as the counter reaches back', () =>
        check(600, movingWorld, (answered) => expectNeverOver(answered, true)));
      it('P1 never over: nor when windows, limits and slices all do', () =>
        check(600, anyWorld, (answered) => expectNeverOver(answered, true)));
      it('P1 never over: nor with charges that are all under way at once', () =>
        within(async ({ store }) => {
          const counters = [{ name: 'legs', quotas: [new Quota({ limit: 7, windowMs: 60_000 })] }];
          const outcomes = await Promise.all(Array.from({ length: 20 }, () => store.consume('a', counters, 2)));
          expect(outcomes.filter(({ allowed }) => allowed)).toHaveLength(3);
        }));
    });

    describe('P2 never early to refuse', () => {
      it('P2 never early to refuse: with limits up to `slices`, every answer is that of a full log', () =>
        check(1000, exactWorld, (answered) => {
          for (const { outcome, expected, cost, kind } of answered) {
            const charged = kind === 'consume' && expected.allowed ? cost : 0;
            expect(outcome).toMatchObject({
              allowed: expected.allowed,
              used: expected.used.map((used) => used + charged),
              retryAfterMs: expected.retryAfterMs,
            });
            if (kind === 'consume') expect(outcome.resetAfterMs).toEqual(expected.resetAfterMs);
          }
        }));
      for (const [title, world] of [
        ['above that, room returns less than one slice late', coarseWorld],
        ['nor later than remembered slices allow, when windows differ from call to call', movingWorld],
        ['nor more than a window late, whatever changes from call to call', anyWorld],
      ] as const) {
        it(`P2 never early to refuse: ${title}`, () =>
          check(600, world, (answered) => {
            for (const { counters, cost, outcome, expected, kind, most } of answered) {
              const limits = limitsOf(counters);
              if (!outcome.allowed) {
                expect(limits.some((limit, index) => most[index]! + cost > limit)).toBe(true);
              }
              const charged = kind === 'consume' && outcome.allowed ? cost : 0;
              const lengths = counters.flatMap(({ quotas }) => quotas.map(windowOf));
              for (const [index, used] of outcome.used.entries()) {
                expect(outcome.resetAfterMs[index]! > 0).toBe(used > 0);
                expect(outcome.resetAfterMs[index]).toBeLessThanOrEqual(lengths[index]!);
                expect(used - charged).toBeGreaterThanOrEqual(expected.used[index]!);
                expect(used - charged).toBeLessThanOrEqual(most[index]!);
              }
            }
          }));
      }
      it('P2 never early to refuse: nor when a steady trickle always meets the newest slice', () =>
        fc.assert(
          fc.asyncProperty(
            fc.record({
              limit: fc.integer({ min: 9, max: 20 }),
              slices: fc.integer({ min: 2, max: 8 }),
              windowMs: fc.constantFrom(100, 1000, 60_000),
            }),
            fc.array(fc.nat(100), { minLength: 20, maxLength: 80, size: 'max' }),
            (options, waits) =>
              within(async (under) => {
                const quota = new Quota(options);
                const admitted: number[] = [];
                for (const wait of waits) {
                  await timeOf(under).advance(Math.floor((wait * quota.sliceMs) / 80));
                  const { allowed, now } = await under.store.consume('a', [{ name: 'legs', quotas: [quota] }], 1);
                  const from = now - quota.windowMs - quota.sliceMs;
                  if (allowed) admitted.push(now);
                  else expect(admitted.filter((at) => at > from).length).toBeGreaterThanOrEqual(quota.limit);
                }
              }),
          ),
          { numRuns: 200 },
        ));
      it('P2 never early to refuse: a cost of 0 is always admitted and leaves nothing', () =>
        check(400, anyWorld, freeOfCharge, true));
    });

    describe('P3 refusal is free', () => {
      it('P3 refusal is free: a refused charge changes no quota', () =>
        check(
          200,
          anyWorld,
          (answered) => {
            for (const { outcome, before, after } of answered) {
              if (!outcome.allowed) expect(after).toEqual(before);
            }
          },
          true,
        ));
      it('P3 refusal is free: a trace goes on as if its refused charges and its peeks had never been', () =>
        fc.assert(
          fc.asyncProperty(fc.oneof(exactWorld, coarseWorld, anyWorld), commands, async (world, commands) => {
            const facts = ({ place, outcome: { allowed, used, resetAfterMs, retryAfterMs } }: Answered) => {
              return { place, allowed, used, resetAfterMs, retryAfterMs };
            };
            let full: Answered[] = [];
            await within(async (under) => {
              full = await play(under, world, commands);
            });
            const idle = ({ kind, outcome }: Answered) => kind === 'peek' || !outcome.allowed;
            const skip = new Set(full.filter(idle).map(({ place }) => place));
            await within(async (under) => {
              const bare = await play(under, world, commands, { skip });
              expect(bare.map(facts)).toEqual(full.filter(({ place }) => !skip.has(place)).map(facts));
            });
          }),
          { numRuns: 600 },
        ));
    });

    describe('P4 all or nothing', () => {
      it('P4 all or nothing: a charge is recorded in every quota of both counters or in none', () =>
        check(
          300,
          fc.oneof(exactWorld, coarseWorld, anyWorld),
          (answered) => {
            for (const { kind, cost, outcome, before, after } of answered) {
              const charged = kind === 'consume' && outcome.allowed ? cost : 0;
              expect(after).toEqual(before.map((used) => used + charged));
              expect(outcome.used).toEqual(after);
            }
          },
          true,
        ));
      it('P4 all or nothing: a longer window that is asked for later begins with what still counts in the shorter', () =>
        within(async (under) => {
          const short = [{ name: 'legs', quotas: [new Quota({ limit: 1, windowMs: 100 })] }];
          const long = [{ name: 'legs', quotas: [new Quota({ limit: 2, windowMs: 60_000 })] }];
          const { store } = under;
          const outcome = await store.consume('a', long, 1);
          await store.refund('a', long, 1, outcome);
          await store.consume('a', short, 1);
          expect(await store.peek('a', long, 0)).toMatchObject({ used: [1], resetAfterMs: [60_000] });
          await timeOf(under).advance(59_999);
          expect(await store.peek('a', long, 0)).toMatchObject({ used: [0], resetAfterMs: [0] });
          expect(await store.consume('a', long, 1)).toMatchObject({ used: [1] });
          expect(await store.peek('a', long, 0)).toMatchObject({ used: [1] });
        }));
      it('P4 all or nothing: where one of two counters is full, the other keeps its room', () =>
        within(async ({ store }) => {
          const legs = { name: 'legs', quotas: [new Quota({ limit: 5, windowMs: 1000 })] };
          const total = { name: '*', quotas: [new Quota({ limit: 2, windowMs: 60_000 })] };
          for (const pair of [
            [legs, total],
            [total, legs],
          ]) {
            await store.reset('a');
            expect(await store.consume('a', pair, 2)).toMatchObject({ allowed: true, used: [2, 2] });
            expect(await store.consume('a', pair, 1)).toMatchObject({ allowed: false, used: [2, 2] });
            expect(await store.peek('a', [legs], 0)).toMatchObject({ used: [2] });
          }
        }));
    });

    describe('P5 exact retry', () => {
      it('P5 exact retry: a refused charge is refused until retryAfterMs and admitted at it', () =>
        fc.assert(
          fc.asyncProperty(
            fc.oneof(exactWorld, coarseWorld, movingWorld, anyWorld),
            commands,
            chargePick,
            fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), { maxLength: 6 }),
            (world, commands, pick, shares) =>
              within(async (under) => {
                await play(under, world, commands);
                await catchUp(under);
                await expectExactRetry(under, { account: world.accounts[0]!, ...chargeOf(world, pick) }, shares);
              }),
          ),
          { numRuns: 800 },
        ));
      it('P5 exact retry: a cost above a limit can never fit, and nothing else is refused for ever', () =>
        check(400, anyWorld, (answered) => {
          for (const { counters, cost, outcome } of answered) {
            const never = limitsOf(counters).some((limit) => cost > limit) && cost > 0;
            expect(outcome.retryAfterMs === Number.POSITIVE_INFINITY).toBe(never);
            expect(outcome.retryAfterMs === 0).toBe(outcome.allowed);
          }
        }));
    });

    describe('P6 time', () => {
      it('P6 time: a clock that steps back is held at its latest instant, and admits nothing extra', () =>
        check(600, exactWorld, (answered) => {
          const first = answered[0];
          for (const { outcome, elapsed } of answered) {
            expect(outcome.now).toBe(first!.outcome.now + elapsed - first!.elapsed);
            expect(Number.isInteger(outcome.now)).toBe(true);
          }
          expectNeverOver(answered);
        }));
      it.each([100, 2_678_400_000])('P6 time: a window of %d ms is exact to the millisecond', (windowMs) =>
        within(async (under) => {
          const counters = [{ name: 'legs', quotas: [new Quota({ limit: 2, windowMs })] }];
          const { store } = under;
          expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: true, resetAfterMs: [windowMs] });
          await timeOf(under).advance(windowMs - 1);
          expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: true, used: [2], resetAfterMs: [1] });
          expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: false, retryAfterMs: 1 });
          await timeOf(under).advance(1);
          expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: true, used: [2] });
          await timeOf(under).advance(windowMs - 2);
          expect(await store.consume('a', counters, 1)).toMatchObject({ allowed: false, retryAfterMs: 1 });
          await timeOf(under).advance(2);
          expect(await store.peek('a', counters, 2)).toMatchObject({ allowed: true, used: [0], resetAfterMs: [0] });
        }),
      );
    });

    describe('P7 same answers', () => {
      it('P7 same answers: a trace has the answers that it has in memory', () =>
        fc.assert(
          fc.asyncProperty(fc.oneof(exactWorld, coarseWorld, movingWorld, anyWorld), commands, (world, commands) =>
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

    describe('P8 bounded', () => {
      it('P8 bounded: once its longest window has passed, a counter is as good as new', () =>
        fc.assert(
          fc.asyncProperty(exactWorld, commands, commands, (world, first, second) =>
            within(async (under) => {
              await play(under, world, first);
              await catchUp(under);
              await timeOf(under).advance(
                Math.max(...world.counters.flatMap(({ lists }) => lists.flat().map(windowOf))),
              );
              const later = await play(under, world, second);
              await within(async (fresh) => {
                const anew = await play(fresh, world, second);
                const facts = ({ outcome }: Answered) => ({ ...withoutToken(outcome), now: 0 });
                expect(later.map(facts)).toEqual(anew.map(facts));
              });
            }),
          ),
          { numRuns: 400 },
        ));
    });

    describe('refund', () => {
      it('refund never creates credit: what was refunded makes room for itself and no more', () =>
        check(600, fc.oneof(exactWorld, coarseWorld, anyWorld), (answered) => {
          for (const { kind, outcome, expected, cost } of answered) {
            const charged = kind === 'consume' && outcome.allowed ? cost : 0;
            for (const [index, used] of outcome.used.entries()) {
              expect(used - charged).toBeGreaterThanOrEqual(expected.used[index]!);
            }
          }
        }));

      const quotas = [new Quota({ limit: 3, windowMs: 1000 }), new Quota({ limit: 9, windowMs: 60_000 })];
      const counters = [{ name: 'legs', quotas }];

      it('refund takes the cost back in every window where it still counts', () =>
        within(async (under) => {
          const outcome = await under.store.consume('a', counters, 3);
          await timeOf(under).advance(1000);
          expect(await under.store.consume('a', counters, 1)).toMatchObject({ used: [1, 4] });
          await under.store.refund('a', counters, 3, outcome);
          expect(await under.store.peek('a', counters, 0)).toMatchObject({ used: [1, 1] });
        }));
      it('refund leaves a newer window alone', () =>
        within(async (under) => {
          const outcome = await under.store.consume('a', counters, 2);
          await timeOf(under).advance(60_000);
          await under.store.consume('a', counters, 3);
          await under.store.refund('a', counters, 2, outcome);
          expect(await under.store.peek('a', counters, 0)).toMatchObject({ used: [3, 3] });
        }));
      it.each([
        ['of the counter', 'legs'],
        ['of the account', undefined],
      ])('refund leaves alone what was begun anew after a reset %s', (_, name) =>
        within(async ({ store }) => {
          const outcome = await store.consume('a', counters, 2);
          await (name === undefined ? store.reset('a') : store.reset('a', name));
          await store.refund('a', counters, 2, outcome);
          expect(await store.peek('a', counters, 0)).toMatchObject({ used: [0, 0] });
          await store.consume('a', counters, 3);
          await store.refund('a', counters, 2, outcome);
          expect(await store.peek('a', counters, 0)).toMatchObject({ used: [3, 3] });
        }),
      );
      it('refund of one of two counters still works when the other was reset', () =>
        within(async ({ store }) => {
          const both: CounterSpec[] = [...counters, { name: '*', quotas }];
          const outcome = await store.consume('a', both, 2);
          await store.reset('a', '*');
          await store.consume('a', both, 1);
          await store.refund('a', both, 2, outcome);
          expect(await store.peek('a', both, 0)).toMatchObject({ used: [1, 1, 1, 1] });
        }));
      it('refund of a later charge leaves the earlier one where it was', () =>
        within(async (under) => {
          await under.store.consume('a', counters, 1);
          await timeOf(under).advance(400);
          const outcome = await under.store.consume('a', counters, 2);
          await under.store.refund('a', counters, 2, outcome);
          expect(await under.store.peek('a', counters, 0)).toMatchObject({ used: [1, 1], resetAfterMs: [600, 59_600] });
        }));
    });

    describe('names', () => {
      it('names are one counter only if equal, however hostile', () =>
        check(600, hostileWorld, (answered) => {
          for (const { kind, cost, outcome, expected } of answered) {
            const charged = kind === 'consume' && expected.allowed ? cost : 0;
            expect(outcome.allowed).toBe(expected.allowed);
            expect(outcome.used).toEqual(expected.used.map((used) => used + charged));
          }
        }));
      it('names are one counter only if equal: every hostile account with every hostile name', () =>
        within(async ({ store }) => {
          const long = 'x'.repeat(10_000_000);
          const accounts = ['', ...HOSTILE_NAMES, long, `${long}y`];
          const names = [...HOSTILE_NAMES, long, `y${long}`];
          const counterOf = (name: string) => [{ name, quotas: [new Quota({ limit: 1, windowMs: 60_000 })] }];
          for (const account of accounts) {
            // The longest names with each other only, for they are slow to hash.
            for (const name of account.length > 1000 ? names.slice(-2) : names.slice(0, -2)) {
              expect((await store.consume(account, counterOf(name), 1)).allowed).toBe(true);
              expect((await store.consume(account, counterOf(name), 1)).allowed).toBe(false);
            }
          }
          await store.reset('__proto__');
          expect((await store.peek('__proto__', counterOf('*'), 1)).allowed).toBe(true);
          expect((await store.peek('constructor', counterOf('*'), 1)).allowed).toBe(false);
          await store.reset('constructor', '*');
          expect((await store.peek('constructor', counterOf('*'), 1)).allowed).toBe(true);
          expect((await store.peek('constructor', counterOf('/'), 1)).allowed).toBe(false);
        }));
    });

    it('an outcome belongs to the caller: nothing that happens later changes it', () =>
      check(100, anyWorld, (answered) => {
        const seen = answered.map(({ outcome }) => outcome.used);
        expect(new Set(seen).size).toBe(seen.length);
      }));

    it('close ends the store, and a second close does nothing', () =>
      within(async ({ store }) => {
        await store.close();
        await store.close();
        const counters = [{ name: 'legs', quotas: [new Quota({ limit: 1, windowMs: 1000 })] }];
        const outcome: Outcome = { allowed: true, now: 0, used: [1], resetAfterMs: [0], retryAfterMs: 0, token: 1 };
        const closed = expect.objectContaining({ code: 'TOLLGATE_CLOSED' });
        await expect((async () => store.consume('a', counters, 1))()).rejects.toEqual(closed);
        await expect((async () => store.peek('a', counters, 1))()).rejects.toEqual(closed);
        await expect((async () => store.refund('a', counters, 1, outcome))()).rejects.toEqual(closed);
        await expect((async () => store.reset('a'))()).rejects.toEqual(closed);
      }));
  });
}

const chargePick: fc.Arbitrary<ChargePick> = fc.record({
  counter: fc.nat(1),
  both: fc.boolean(),
  lists: fc.tuple(fc.nat(11), fc.nat(11)),
  cost: fc.integer({ min: 1, max: 60 }),
});

/**
 * At each admission, what its counter had admitted in each of its windows, itself included, is at most the limit that it
 * was admitted under. With `asFarAsHeld`, what the counter cannot know by contract is left out.
 */
function expectNeverOver(answered: readonly Answered[], asFarAsHeld = false): void {
  const admitted = answered.filter(({ kind, outcome, cost }) => kind === 'consume' && outcome.allowed && cost > 0);
  for (const [index, charge] of admitted.entries()) {
    let at = 0;
    for (const { name, quotas } of charge.counters) {
      const earlier = admitted
        .slice(0, index + 1)
        .filter(
          (one) =>
            one.account === charge.account &&
            one.counters.some((counter) => counter.name === name) &&
            one.refundedFrom > charge.place &&
            (one.forgottenFrom.get(name) ?? Number.POSITIVE_INFINITY) > charge.place,
        );
      for (const { limit, windowMs } of quotas) {
        const from = charge.outcome.now - windowMs;
        const since = asFarAsHeld ? Math.max(from, charge.holdsSince[at]!) : from;
        const counted = earlier.filter((one) => one === charge || one.outcome.now > since);
        expect(counted.reduce((sum, { cost }) => sum + cost, 0)).toBeLessThanOrEqual(limit);
        at++;
      }
    }
  }
}

function freeOfCharge(answered: readonly Answered[]): void {
  for (const { cost, outcome, before, after } of answered) {
    if (cost > 0) continue;
    expect(outcome).toMatchObject({ allowed: true, retryAfterMs: 0 });
    expect(after).toEqual(before);
  }
}

/** Charges until refused, then waits: a peek at every instant given as a share of the wait, and a charge at its end. */
async function expectExactRetry(under: StoreUnderTest, charge: Charge, shares: readonly number[]): Promise<void> {
  const { store } = under;
  const { account, counters, cost } = charge;
  let outcome = await store.consume(account, counters, cost);
  while (outcome.allowed && cost > 0) outcome = await store.consume(account, counters, cost);
  const { retryAfterMs } = outcome;
  if (cost === 0 || limitsOf(counters).some((limit) => cost > limit)) {
    expect(retryAfterMs).toBe(cost === 0 ? 0 : Number.POSITIVE_INFINITY);
    return;
  }
  expect(retryAfterMs).toBeGreaterThan(0);
  const waits = [0, 1, retryAfterMs - 1, ...shares.map((share) => Math.floor(share * retryAfterMs))];
  let waited = 0;
  for (const wait of waits.filter((wait) => wait < retryAfterMs).sort((a, b) => a - b)) {
    await timeOf(under).advance(wait - waited);
    waited = wait;
    const peeked = await store.peek(account, counters, cost);
    expect(peeked).toMatchObject({ allowed: false, retryAfterMs: retryAfterMs - waited });
  }
  await timeOf(under).advance(retryAfterMs - waited);
  expect((await store.peek(account, counters, cost)).allowed).toBe(true);
  expect((await store.consume(account, counters, cost)).allowed).toBe(true);
}

/** Lets a clock that has stepped back come forward to where it was held. */
async function catchUp(under: StoreUnderTest): Promise<void> {
  await timeOf(under).advance(60 * 1e7);
}

function timeOf({ time }: StoreUnderTest): NonNullable<StoreUnderTest['time']> {
  if (time === undefined) throw new Error('this needs a store whose clock can be moved');
  return time;
}

function limitsOf(counters: readonly CounterSpec[]): number[] {
  return counters.flatMap(({ quotas }) => quotas.map(({ limit }) => limit));
}

function windowOf({ windowMs }: Quota): number {
  return windowMs;
}

function withoutToken({ token: _, ...rest }: Outcome): Omit<Outcome, 'token'> {
  return rest;
}
