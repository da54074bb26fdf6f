import { type CounterSpec, type Outcome, Quota, type Store, Throttle, type ThrottleOptions } from '@tollgate/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HOSTILE_NAMES } from './traces.js';
import { type StoreWorld, timeOf } from './world.js';

const DAY_MS = 86_400_000;
const minute = { afterViolations: 3, withinMs: 60_000, forMs: 5000, factor: 0.5 };

/** A limit of 4 in ten seconds, throttled as it says. */
function legs(throttle: Partial<ThrottleOptions> | false = {}, name = 'legs'): CounterSpec {
  const quotas = [new Quota({ limit: 4, windowMs: 10_000 })];
  return throttle === false ? { name, quotas } : { name, quotas, throttle: new Throttle({ ...minute, ...throttle }) };
}

/** That many charges of a cost that never fits; the answer to the last. */
async function violate({ store }: { store: Store }, counters: readonly CounterSpec[], times = 1): Promise<Outcome> {
  let outcome = await store.consume('a', counters, 5);
  for (let time = 1; time < times; time++) outcome = await store.consume('a', counters, 5);
  expect(outcome.allowed).toBe(false);
  return outcome;
}

/** The rule of throttling, case by case. */
export function describeThrottlingExamples({ runs, within }: StoreWorld): void {
  it('throttling begins with the n-th violation, and shrinks the limits of that answer already', () =>
    within(async (under) => {
      const { store } = under;
      await store.consume('a', [legs()], 4);
      await timeOf(under).advance(1000);
      for (let time = 0; time < 2; time++) {
        const outcome = await store.consume('a', [legs()], 1);
        expect(outcome).toMatchObject({ allowed: false, retryAfterMs: 9000, throttledMs: [0] });
        expect(outcome.beganThrottling ?? false).toBe(false);
      }
      expect(await store.consume('a', [legs({ forMs: 20_000 })], 1)).toMatchObject({
        allowed: false,
        used: [4],
        retryAfterMs: 9000,
        resetAfterMs: [9000],
        throttledMs: [20_000],
        beganThrottling: true,
      });
    }));
  it('throttling ends by itself, at its instant and not before, and a refused charge is admitted then', () =>
    within(async (under) => {
      const { store } = under;
      await store.consume('a', [legs()], 2);
      await violate(under, [legs()], 3);
      expect(await store.consume('a', [legs()], 1)).toMatchObject({
        allowed: false,
        used: [2],
        retryAfterMs: 5000,
        resetAfterMs: [5000],
        throttledMs: [5000],
      });
      await timeOf(under).advance(4999);
      expect(await store.peek('a', [legs()], 1)).toMatchObject({ allowed: false, retryAfterMs: 1, throttledMs: [1] });
      await timeOf(under).advance(1);
      expect(await store.consume('a', [legs()], 2)).toMatchObject({ allowed: true, used: [4], throttledMs: [0] });
    }));
  it('throttling: within the shrunk limits a charge is admitted all the while', () =>
    within(async (under) => {
      await violate(under, [legs()], 3);
      const { store } = under;
      expect(await store.consume('a', [legs()], 2)).toMatchObject({ allowed: true, used: [2], throttledMs: [5000] });
      expect(await store.consume('a', [legs()], 1)).toMatchObject({ allowed: false, retryAfterMs: 5000 });
    }));
  it('throttling does not begin when the violations are spread wider than `withinMs`', () =>
    within(async (under) => {
      await violate(under, [legs()], 2);
      await timeOf(under).advance(60_000);
      expect(await violate(under, [legs()], 2)).toMatchObject({ throttledMs: [0] });
      await timeOf(under).advance(59_999);
      expect(await violate(under, [legs()])).toMatchObject({ throttledMs: [5000], beganThrottling: true });
    }));
  it('throttling with a factor of 0 blocks, and says when that ends', () =>
    within(async (under) => {
      const none = legs({ factor: 0 });
      await violate(under, [none], 3);
      await timeOf(under).advance(1000);
      expect(await under.store.consume('a', [none], 1)).toMatchObject({
        allowed: false,
        used: [0],
        retryAfterMs: 4000,
        resetAfterMs: [4000],
      });
      expect(await under.store.consume('a', [none], 0)).toMatchObject({ allowed: true, throttledMs: [4000] });
      expect((await under.store.consume('a', [none], 5)).retryAfterMs).toBe(Number.POSITIVE_INFINITY);
    }));
  it('throttling counts a violation on each counter without room, and throttles each by itself', () =>
    within(async (under) => {
      const { store } = under;
      const total = { ...legs({ afterViolations: 2 }, '*'), quotas: [new Quota({ limit: 6, windowMs: 10_000 })] };
      expect((await violate(under, [legs(), total], 3)).throttledMs).toEqual([5000, 0]);
      expect(await store.consume('a', [legs(), total], 7)).toMatchObject({ throttledMs: [5000, 0] });
      expect(await store.consume('a', [total, legs()], 7)).toMatchObject({
        throttledMs: [5000, 5000],
        beganThrottling: true,
      });
      expect(await store.peek('a', [{ ...total, name: 'bridges' }, total], 4)).toMatchObject({
        allowed: false,
        throttledMs: [0, 5000],
        retryAfterMs: 5000,
      });
    }));
  it('throttling: violations while it lasts count for the next, but do not lengthen it', () =>
    within(async (under) => {
      await violate(under, [legs()], 3);
      await timeOf(under).advance(2000);
      const meanwhile = await violate(under, [legs()], 4);
      expect(meanwhile.throttledMs).toEqual([3000]);
      expect(meanwhile.beganThrottling ?? false).toBe(false);
      await timeOf(under).advance(3000);
      expect(await under.store.peek('a', [legs()], 5)).toMatchObject({ throttledMs: [0] });
      expect(await violate(under, [legs()])).toMatchObject({ throttledMs: [5000], beganThrottling: true });
    }));
  it('throttling: what was refused by a shrunk limit alone is a violation too', () =>
    within(async (under) => {
      const spec = legs({ withinMs: 5000, forMs: 5000 });
      await violate(under, [spec], 3);
      await timeOf(under).advance(4999);
      for (let time = 0; time < 2; time++) {
        expect((await under.store.consume('a', [spec], 3)).allowed).toBe(false);
      }
      await timeOf(under).advance(1);
      expect(await violate(under, [spec])).toMatchObject({ throttledMs: [5000], beganThrottling: true });
    }));
  it('throttling: with `escalate` each lasts longer, up to the cap, until a day has passed since the last', () =>
    within(async (under) => {
      const spec = legs({ afterViolations: 1, escalate: { factor: 2, maxMs: 15_000 } });
      for (const lasts of [5000, 10_000, 15_000, 15_000]) {
        expect((await violate(under, [spec])).throttledMs).toEqual([lasts]);
        await timeOf(under).advance(lasts);
      }
      await timeOf(under).advance(DAY_MS - 1);
      expect((await violate(under, [spec])).throttledMs).toEqual([15_000]);
      await timeOf(under).advance(15_000 + DAY_MS);
      expect((await violate(under, [spec])).throttledMs).toEqual([5000]);
    }));
  it('throttling: a peek, a cost of 0, a refund and a record are no violations', () =>
    within(async (under) => {
      const { store } = under;
      const spec = legs({ afterViolations: 2 });
      const outcome = await store.consume('a', [spec], 4);
      for (let time = 0; time < 3; time++) {
        expect(await store.peek('a', [spec], 1)).toMatchObject({ allowed: false, throttledMs: [0] });
        expect(await store.consume('a', [spec], 0)).toMatchObject({ allowed: true, throttledMs: [0] });
        await store.record?.('a', [spec], 9, 0);
      }
      await store.refund('a', [spec], 4, outcome);
      expect((await violate(under, [spec])).throttledMs).toEqual([0]);
      expect((await violate(under, [spec])).throttledMs).toEqual([5000]);
    }));
  it('throttling: a charge without a throttle is decided by the full limits, and is no violation', () =>
    within(async (under) => {
      await violate(under, [legs(false)], 9);
      expect((await violate(under, [legs()], 2)).throttledMs).toEqual([0]);
      expect((await violate(under, [legs()])).throttledMs).toEqual([5000]);
      const bare = await under.store.consume('a', [legs(false)], 4);
      expect(bare.allowed).toBe(true);
      expect(bare.throttledMs ?? [0]).toEqual([0]);
      expect(await under.store.peek('a', [legs()], 1)).toMatchObject({ allowed: false, throttledMs: [5000] });
    }));
  it.each([
    ['of the counter', 'legs'],
    ['of the account', undefined],
  ])('pardon %s forgets violations and throttling, and what is used stays', (_, name) =>
    within(async (under) => {
      const { store } = under;
      const spec = legs({ escalate: { factor: 3, maxMs: 60_000 } });
      const pardon = () => (name === undefined ? store.pardon!('a') : store.pardon!('a', name));
      await store.consume('a', [spec], 3);
      await violate(under, [spec], 2);
      await pardon();
      expect((await violate(under, [spec], 2)).throttledMs).toEqual([0]);
      expect((await violate(under, [spec])).throttledMs).toEqual([5000]);
      expect((await store.peek('a', [spec], 1)).allowed).toBe(false);
      await pardon();
      expect(await store.consume('a', [spec], 1)).toMatchObject({ allowed: true, used: [4], throttledMs: [0] });
      expect((await violate(under, [spec], 2)).throttledMs).toEqual([0]);
      expect((await violate(under, [spec])).throttledMs).toEqual([5000]);
    }),
  );
  it('pardon and reset of one counter, or one account, leave the others alone', () =>
    within(async (under) => {
      const { store } = under;
      const [one, other] = [legs({ afterViolations: 1 }), legs({ afterViolations: 1 }, '*')];
      await violate(under, [one, other]);
      await store.pardon!('b');
      await store.reset('b');
      await store.pardon!('a', 'unknown');
      await store.pardon!('a', '*');
      expect((await store.peek('a', [one, other], 0)).throttledMs).toEqual([5000, 0]);
      await violate(under, [other]);
      await store.reset('a', 'legs');
      expect((await store.peek('a', [one, other], 0)).throttledMs).toEqual([0, 5000]);
    }));
  it.each([
    ['of the counter', 'legs'],
    ['of the account', undefined],
  ])('reset %s forgets violations and throttling with the rest', (_, name) =>
    within(async (under) => {
      const { store } = under;
      const reset = () => (name === undefined ? store.reset('a') : store.reset('a', name));
      await violate(under, [legs()], 2);
      await reset();
      expect((await violate(under, [legs()], 2)).throttledMs).toEqual([0]);
      expect((await violate(under, [legs()])).throttledMs).toEqual([5000]);
      await reset();
      expect(await store.consume('a', [legs()], 4)).toMatchObject({ allowed: true, used: [4], throttledMs: [0] });
    }),
  );
  it('throttling stays when windows and limits change', () =>
    within(async (under) => {
      const { throttle } = legs();
      await violate(under, [legs()], 2);
      const other = { name: 'legs', quotas: [new Quota({ limit: 3, windowMs: 1000 })], throttle: throttle! };
      expect((await violate(under, [other])).throttledMs).toEqual([5000]);
      expect((await under.store.peek('a', [legs()], 0)).throttledMs).toEqual([5000]);
    }));
  it('throttling: fewer `afterViolations` look at those that there are, more wait for more', () =>
    within(async (under) => {
      await violate(under, [legs({ afterViolations: 5 })], 3);
      expect((await violate(under, [legs({ afterViolations: 4 })])).throttledMs).toEqual([5000]);
      await under.store.reset('a');
      await violate(under, [legs({ afterViolations: 5 })]);
      expect((await violate(under, [legs({ afterViolations: 2 })])).throttledMs).toEqual([5000]);
      await under.store.reset('a');
      await violate(under, [legs({ afterViolations: 3 })], 2);
      for (let time = 0; time < 2; time++) {
        expect((await violate(under, [legs({ afterViolations: 5 })])).throttledMs).toEqual([0]);
      }
      expect((await violate(under, [legs({ afterViolations: 5 })], 3)).throttledMs).toEqual([5000]);
    }));
  it('throttling begins once, with charges that are all under way at once', () =>
    within(async ({ store }) => {
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => store.consume('a', [legs()], 1)));
      expect(outcomes.filter(({ allowed }) => allowed)).toHaveLength(4);
      expect(outcomes.filter(({ beganThrottling }) => beganThrottling)).toHaveLength(1);
      expect(outcomes.filter(({ throttledMs }) => throttledMs![0]! > 0)).toHaveLength(14);
    }));
  it('throttling: a limit of 0 is violated and throttled like any other', () =>
    within(async (under) => {
      const spec = { ...legs(), quotas: [new Quota({ limit: 0, windowMs: 1000 })] };
      expect(await violate(under, [spec], 3)).toMatchObject({ resetAfterMs: [0], throttledMs: [5000] });
    }));
  it('throttling, names: every hostile account has its own violations of every hostile name', () =>
    within(async ({ store }) => {
      const once = async (account: string, name: string) => {
        const spec = legs({ afterViolations: 2, withinMs: DAY_MS, forMs: DAY_MS }, name);
        return (await store.consume(account, [spec], 5)).throttledMs;
      };
      const pairs = ['', ...HOSTILE_NAMES].flatMap((account) => HOSTILE_NAMES.map((name) => [account, name] as const));
      for (const pair of pairs) expect([pair, await once(...pair)]).toEqual([pair, [0]]);
      for (const pair of pairs) expect([pair, await once(...pair)]).toEqual([pair, [DAY_MS]]);
      await store.pardon!('!', '!*');
      await store.pardon!('__proto__');
      const isPardoned = ([account, name]: readonly [string, string]) =>
        account === '__proto__' || (account === '!' && name === '!*');
      for (const pair of pairs) {
        const { throttledMs } = await store.peek(pair[0], [legs({}, pair[1])], 0);
        expect([pair, throttledMs]).toEqual([pair, [isPardoned(pair) ? 0 : DAY_MS]]);
      }
    }));
  it('throttling: a counter named like the violations of another does not meet them', () =>
    within(async (under) => {
      const { store } = under;
      for (const name of ['!legs', 'legs!', '!!legs', 'legs:!', '!']) {
        const other = legs({ afterViolations: 9 }, name);
        for (const [first, second] of [
          [legs(), other],
          [other, legs()],
        ] as const) {
          await store.reset('a');
          await violate(under, [legs()], 2);
          expect(await store.consume('a', [first], 4)).toMatchObject({ allowed: true, used: [4] });
          expect(await store.consume('a', [second], 4)).toMatchObject({ allowed: true, used: [4] });
          expect(await violate(under, [other])).toMatchObject({ used: [4], throttledMs: [0] });
          await store.reset('a', name);
          expect(await violate(under, [legs()])).toMatchObject({ used: [4], throttledMs: [5000] });
        }
      }
    }));
  it('throttling above 128 violations begins less than one slice late to forget, and never too late', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 129, max: 200 }),
        fc.constantFrom(1000, 60_000),
        fc.array(fc.tuple(fc.nat(60), fc.nat(400)), { minLength: 4, maxLength: 16, size: 'max' }),
        (afterViolations, withinMs, bursts) =>
          within(async (under) => {
            const spec = legs({ afterViolations, withinMs, forMs: 100 });
            const violations: number[] = [];
            let endsAt = 0;
            for (const [times, share] of bursts) {
              await timeOf(under).advance(Math.floor((share * withinMs) / 1000));
              for (let time = 0; time < times; time++) {
                const { now, beganThrottling = false, throttledMs } = await violate(under, [spec]);
                violations.push(now);
                const since = (ms: number) => violations.filter((at) => at > now - ms).length;
                if (now >= endsAt) {
                  if (beganThrottling) {
                    expect(since(withinMs + spec.throttle!.violations.sliceMs)).toBeGreaterThanOrEqual(afterViolations);
                  } else expect(since(withinMs)).toBeLessThan(afterViolations);
                  if (beganThrottling) endsAt = now + 100;
                }
                expect(throttledMs).toEqual([Math.max(0, endsAt - now)]);
              }
            }
          }),
      ),
      { numRuns: runs(40) },
    ));
}
