import { Quota } from '@tollgate/core';
import { expect, it } from 'vitest';
import { DAY_MS, legs, violate } from './throttled-legs.js';
import { type StoreWorld, timeOf } from './world.js';

/** The beginning, the effect and the end of a throttling. */
export function describeThrottlingSpan({ within }: StoreWorld): void {
  it('it begins with the n-th violation, and shrinks the limits in the answer to that one', () =>
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
  it('a charge within the shrunk limits is admitted', () =>
    within(async (under) => {
      await violate(under, [legs()], 3);
      const { store } = under;
      expect(await store.consume('a', [legs()], 2)).toMatchObject({ allowed: true, used: [2], throttledMs: [5000] });
      expect(await store.consume('a', [legs()], 1)).toMatchObject({ allowed: false, retryAfterMs: 5000 });
    }));
  it('it ends exactly after `forMs`, and the refused charge is admitted then', () =>
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
  it('it does not begin when the violations span more than `withinMs`', () =>
    within(async (under) => {
      await violate(under, [legs()], 2);
      await timeOf(under).advance(60_000);
      expect(await violate(under, [legs()], 2)).toMatchObject({ throttledMs: [0] });
      await timeOf(under).advance(59_999);
      expect(await violate(under, [legs()])).toMatchObject({ throttledMs: [5000], beganThrottling: true });
    }));
  it('a factor of 0 refuses every cost, with the time until the end', () =>
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
  it('violations during a throttling count for the next one, and do not lengthen it', () =>
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
  it('with `escalate` each one lasts longer, up to the cap, until a day has passed since the last', () =>
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
  it('a change of windows and limits does not end it', () =>
    within(async (under) => {
      const { throttle } = legs();
      await violate(under, [legs()], 2);
      const other = { name: 'legs', quotas: [new Quota({ limit: 3, windowMs: 1000 })], throttle: throttle! };
      expect((await violate(under, [other])).throttledMs).toEqual([5000]);
      expect((await under.store.peek('a', [legs()], 0)).throttledMs).toEqual([5000]);
    }));
  it('it begins once when all charges are pending at once', () =>
    within(async ({ store }) => {
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => store.consume('a', [legs()], 1)));
      expect(outcomes.filter(({ allowed }) => allowed)).toHaveLength(4);
      expect(outcomes.filter(({ beganThrottling }) => beganThrottling)).toHaveLength(1);
      expect(outcomes.filter(({ throttledMs }) => throttledMs![0]! > 0)).toHaveLength(14);
    }));
}
