import { type CounterSpec, Quota } from '@tollgate/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { StoreUnderTest } from './player.js';
import { DAY_MS, legs, violate } from './throttled-legs.js';
import { HOSTILE_NAMES } from './traces.js';
import { type StoreWorld, timeOf } from './world.js';

/** Which calls are violations, and of which counter. */
export function describeViolations({ runs, within }: StoreWorld): void {
  it('a charge that only a shrunk limit refuses is a violation too', () =>
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
  it('a peek, a cost of 0, a refund and a record are no violations', () =>
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
  it('a charge without a throttle has the full limits, and its refusal is no violation', () =>
    within(async (under) => {
      await violate(under, [legs(false)], 9);
      expect((await violate(under, [legs()], 2)).throttledMs).toEqual([0]);
      expect((await violate(under, [legs()])).throttledMs).toEqual([5000]);
      const bare = await under.store.consume('a', [legs(false)], 4);
      expect(bare.allowed).toBe(true);
      expect(bare.throttledMs ?? [0]).toEqual([0]);
      expect(await under.store.peek('a', [legs()], 1)).toMatchObject({ allowed: false, throttledMs: [5000] });
    }));
  it('a refusal is a violation of each counter without room, and each has its own throttling', () =>
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
  it('a new `withinMs` applies to earlier violations too', () =>
    within(async (under) => {
      await violate(under, [legs()], 2);
      await timeOf(under).advance(2000);
      expect((await violate(under, [legs({ withinMs: 1000 })], 2)).throttledMs).toEqual([0]);
      await under.store.reset('a');
      await violate(under, [legs({ withinMs: 1000 })]);
      await timeOf(under).advance(500);
      await violate(under, [legs()]);
      await timeOf(under).advance(2000);
      expect((await violate(under, [legs()])).throttledMs).toEqual([5000]);
    }));
  it('a limit of 0 is violated and throttled like any other', () =>
    within(async (under) => {
      const spec = { ...legs(), quotas: [new Quota({ limit: 0, windowMs: 1000 })] };
      expect(await violate(under, [spec], 3)).toMatchObject({ resetAfterMs: [0], throttledMs: [5000] });
    }));
  it('a new `afterViolations` applies to earlier violations too', () =>
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
  it('every hostile account has violations of its own for every hostile name', () =>
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
  it('a counter whose name resembles a key of violations does not collide with it', () =>
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
  const expectAllCounted = (numRuns: number, afterViolations: fc.Arbitrary<number>, most: number) =>
    fc.assert(
      fc.asyncProperty(
        afterViolations,
        fc.constantFrom(1000, 60_000),
        bursts(most),
        (afterViolations, withinMs, bursts) =>
          within((under) => expectCounted(under, legs({ afterViolations, withinMs, forMs: withinMs / 2 }), bursts)),
      ),
      { numRuns: runs(numRuns) },
    );
  it('each violation counts until it has left `withinMs`', () =>
    expectAllCounted(100, fc.integer({ min: 1, max: 9 }), 3));
  it('above 128 violations, one may count less than a slice too long', () =>
    expectAllCounted(30, fc.integer({ min: 129, max: 200 }), 60));
}

interface Burst {
  /** The time that passes before it, in thousandths of `withinMs`. */
  readonly share: number;
  readonly times: number;
}

function bursts(most: number): fc.Arbitrary<readonly Burst[]> {
  const share = fc.oneof({ weight: 3, arbitrary: fc.nat(30) }, { weight: 1, arbitrary: fc.nat(900) });
  return fc.array(fc.record({ share, times: fc.nat(most) }), { minLength: 4, maxLength: 30, size: 'max' });
}

/** A throttling begins with `afterViolations` violations within `withinMs`, give or take one slice. */
async function expectCounted(under: StoreUnderTest, spec: CounterSpec, bursts: readonly Burst[]): Promise<void> {
  const { afterViolations, withinMs, forMs, violations } = spec.throttle!;
  const instants: number[] = [];
  let endsAt = 0;
  for (const { share, times } of bursts) {
    await timeOf(under).advance(Math.floor((share * withinMs) / 1000));
    for (let time = 0; time < times; time++) {
      const { now, beganThrottling = false, throttledMs } = await violate(under, [spec]);
      instants.push(now);
      const inLast = (ms: number) => instants.filter((at) => at > now - ms).length;
      if (beganThrottling) {
        expect(endsAt).toBeLessThanOrEqual(now);
        expect(inLast(withinMs + violations.sliceMs - 1)).toBeGreaterThanOrEqual(afterViolations);
        endsAt = now + forMs;
      } else if (now >= endsAt) expect(inLast(withinMs)).toBeLessThan(afterViolations);
      expect(throttledMs).toEqual([Math.max(0, endsAt - now)]);
    }
  }
}
