import { defineAccountLayer, definePolicy, perMinute, Throttle, type ThrottleOptions } from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const DAY_MS = 86_400_000;
const MAX_WINDOW_MS = 2_678_400_000;
const options: ThrottleOptions = { afterViolations: 10, withinMs: 60_000, forMs: 300_000, factor: 0.5 };
const throttleOf = (own: Partial<ThrottleOptions>) => new Throttle({ ...options, ...own });
const factors = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('a throttle', () => {
  it('has its options, is frozen, and has a quota for its violations', () => {
    const throttle = throttleOf({ escalate: { factor: 2, maxMs: 600_000 } });
    expect(throttle).toMatchObject({ ...options, escalate: { factor: 2, maxMs: 600_000 } });
    expect(Object.isFrozen(throttle)).toBe(true);
    expect(Object.isFrozen(throttle.escalate)).toBe(true);
    expect(throttle.violations).toMatchObject({ limit: 10, windowMs: 60_000, sliceMs: 1 });
    expect(throttleOf({}).escalate).toBeUndefined();
    expect(throttleOf({ afterViolations: 129 }).violations.sliceMs).toBe(Math.ceil(60_000 / 128));
  });

  it('is accepted as an option, also when a policy explains it, and after JSON', () => {
    for (const throttle of [throttleOf({}), throttleOf({ escalate: { factor: 2, maxMs: 600_000 } })]) {
      const policy = definePolicy({ quotas: [perMinute(1)], throttle });
      const explained = policy.explain({ category: 'legs' }).throttle.value!;
      expect(explained).toEqual(throttle);
      const layer = { categories: { legs: { throttle: explained } } };
      expect(defineAccountLayer(layer).categories.get('legs')!.throttle).toEqual(throttle);
      expect(new Throttle(JSON.parse(JSON.stringify(throttle)))).toEqual(throttle);
    }
  });

  it('accepts the ends of every range', () => {
    const least = { afterViolations: 1, withinMs: 100, forMs: 100, factor: 0, escalate: { factor: 1.001, maxMs: 100 } };
    expect(new Throttle(least)).toMatchObject(least);
    const most = {
      afterViolations: 1_000_000,
      withinMs: MAX_WINDOW_MS,
      forMs: MAX_WINDOW_MS,
      factor: 1 - Number.EPSILON,
      escalate: { factor: 100, maxMs: MAX_WINDOW_MS },
    };
    expect(new Throttle(most)).toMatchObject(most);
  });
});

describe('limitOf', () => {
  it('is the share of the limit, rounded down, and at least 1 unless the limit or the factor is 0', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), factors, (limit, factor) => {
        const shrunk = throttleOf({ factor }).limitOf(limit);
        expect(Number.isInteger(shrunk)).toBe(true);
        expect(shrunk).toBeLessThanOrEqual(limit);
        expect(shrunk > 0).toBe(limit > 0 && factor > 0);
        if (shrunk > 1) expect(shrunk).toBeLessThanOrEqual(limit * factor * (1 + 2 ** -50));
        expect(shrunk + 1).toBeGreaterThan(limit * factor);
      }),
    );
  });

  it('grows with the limit and with the factor', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 2), factors, factors, (limit, one, other) => {
        const lower = throttleOf({ factor: Math.min(one, other) });
        const higher = throttleOf({ factor: Math.max(one, other) });
        expect(lower.limitOf(limit)).toBeLessThanOrEqual(higher.limitOf(limit));
        expect(lower.limitOf(limit)).toBeLessThanOrEqual(lower.limitOf(limit + 1));
      }),
    );
  });

  it('is whole where the exact share is whole: 1/n of n times m is m', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 46_340 }), fc.integer({ min: 1, max: 46_340 }), (n, m) => {
        expect(throttleOf({ factor: 1 / n }).limitOf(n * m)).toBe(m);
      }),
    );
    expect(throttleOf({ factor: 1 / 49 }).limitOf(98)).toBe(2);
  });

  it.each([
    [100, 0.5, 50],
    [3, 0.5, 1],
    [1, 0.5, 1],
    [100, 0.999, 99],
    [100, 0.001, 1],
    [100, 0, 0],
    [0, 0.5, 0],
  ])('of %d with a factor of %d is %d', (limit, factor, shrunk) => {
    expect(throttleOf({ factor }).limitOf(limit)).toBe(shrunk);
  });
});

describe('durationMs', () => {
  const escalating = throttleOf({ forMs: 1000, escalate: { factor: 2.5, maxMs: 6000 } });

  it('is `forMs` for the first throttling, and always without `escalate`', () => {
    expect(escalating.durationMs(5_000_000, 0, 0)).toBe(1000);
    expect(throttleOf({}).durationMs(1000, 999, 700_000)).toBe(300_000);
  });

  it.each([
    [1000, 2500],
    [1001, 2503],
    [2500, 6000],
    [6000, 6000],
    [100_000, 6000],
    [100, 1000],
  ])('after one of %d ms is %d ms', (lastMs, durationMs) => {
    expect(escalating.durationMs(10_000, 10_000, lastMs)).toBe(durationMs);
  });

  it('is `forMs` again a day after the end of the last throttling', () => {
    expect(escalating.durationMs(7 + DAY_MS - 1, 7, 1000)).toBe(2500);
    expect(escalating.durationMs(7 + DAY_MS, 7, 1000)).toBe(1000);
    expect(escalating.rememberedMs).toBe(DAY_MS);
    expect(throttleOf({}).rememberedMs).toBe(0);
  });

  it('is whole and from `forMs` to `maxMs`, whatever the last one was', () => {
    const escalates = fc.record({
      forMs: fc.integer({ min: 100, max: 1_000_000 }),
      more: fc.nat(1_000_000),
      factor: fc.double({ min: 1, max: 100, minExcluded: true, noNaN: true }),
    });
    const instants = fc.tuple(fc.nat(2 ** 31), fc.nat(2 ** 31), fc.nat(MAX_WINDOW_MS));
    fc.assert(
      fc.property(escalates, instants, ({ forMs, more, factor }, [endedAt, later, lastMs]) => {
        const throttle = throttleOf({ forMs, escalate: { factor, maxMs: forMs + more } });
        const durationMs = throttle.durationMs(endedAt + later, endedAt, lastMs);
        expect(Number.isInteger(durationMs)).toBe(true);
        expect(durationMs).toBeGreaterThanOrEqual(forMs);
        expect(durationMs).toBeLessThanOrEqual(forMs + more);
        if (endedAt > 0 && later < DAY_MS && lastMs <= forMs + more) {
          expect(durationMs).toBeGreaterThanOrEqual(Math.min(lastMs, forMs + more));
        }
      }),
    );
  });
});

describe('errors', () => {
  const escalate = { factor: 2, maxMs: 600_000 };

  it.each<[unknown, typeof TypeError | typeof RangeError, string, string]>([
    [null, TypeError, 'TYPE', 'Expected `throttle` to be a plain object, got null'],
    [true, TypeError, 'TYPE', 'Expected `throttle` to be a plain object, got true'],
    [
      { ...options, after: 3 },
      TypeError,
      'UNKNOWN',
      'Unknown option `throttle.after`: expected one of afterViolations, withinMs, forMs, factor, escalate',
    ],
    [
      { ...options, afterViolations: 0 },
      RangeError,
      'RANGE',
      'Expected `throttle.afterViolations` to be an integer from 1 to 1000000, got 0',
    ],
    [{ ...options, afterViolations: 1_000_001 }, RangeError, 'RANGE', 'Expected `throttle.afterViolations`'],
    [{ ...options, afterViolations: 1.5 }, RangeError, 'RANGE', 'Expected `throttle.afterViolations`'],
    [{ ...options, afterViolations: undefined }, TypeError, 'TYPE', 'Expected `throttle.afterViolations`'],
    [
      { ...options, withinMs: 99 },
      RangeError,
      'RANGE',
      'Expected `throttle.withinMs` to be an integer from 100 to 2678400000, got 99',
    ],
    [{ ...options, withinMs: MAX_WINDOW_MS + 1 }, RangeError, 'RANGE', 'Expected `throttle.withinMs`'],
    [
      { ...options, forMs: '5m' },
      TypeError,
      'TYPE',
      'Expected `throttle.forMs` to be an integer from 100 to 2678400000, got "5m"',
    ],
    [{ ...options, forMs: 99 }, RangeError, 'RANGE', 'Expected `throttle.forMs`'],
    [
      { ...options, factor: 1 },
      RangeError,
      'RANGE',
      'Expected `throttle.factor` to be a number from 0 to below 1, got 1',
    ],
    [{ ...options, factor: -0.1 }, RangeError, 'RANGE', 'Expected `throttle.factor`'],
    [{ ...options, factor: Number.NaN }, RangeError, 'RANGE', 'got NaN'],
    [
      { ...options, factor: '0.5' },
      TypeError,
      'TYPE',
      'Expected `throttle.factor` to be a number from 0 to below 1, got "0.5"',
    ],
    [{ ...options, escalate: 2 }, TypeError, 'TYPE', 'Expected `throttle.escalate` to be a plain object, got 2'],
    [
      { ...options, escalate: { ...escalate, max: 1 } },
      TypeError,
      'UNKNOWN',
      'Unknown option `throttle.escalate.max`: expected one of factor, maxMs',
    ],
    [
      { ...options, escalate: { ...escalate, factor: 1 } },
      RangeError,
      'RANGE',
      'Expected `throttle.escalate.factor` to be a number above 1 and at most 100, got 1',
    ],
    [
      { ...options, escalate: { ...escalate, factor: 100.1 } },
      RangeError,
      'RANGE',
      'Expected `throttle.escalate.factor`',
    ],
    [
      { ...options, escalate: { ...escalate, maxMs: 299_999 } },
      RangeError,
      'RANGE',
      'Expected `throttle.escalate.maxMs` to be an integer from 300000 to 2678400000, got 299999',
    ],
    [{ ...options, escalate: { factor: 2 } }, TypeError, 'TYPE', 'Expected `throttle.escalate.maxMs`'],
  ])('%j is refused', (given, kind, code, message) => {
    const make = () => new Throttle(given as ThrottleOptions);
    expect(make).toThrow(kind);
    expect(make).toThrow(expect.objectContaining({ code: `TOLLGATE_OPTION_${code}` }));
    expect(make).toThrow(message);
  });

  it('name the option by the given path', () => {
    const make = () => new Throttle({ ...options, forMs: 1 }, 'policy.plans.gold.throttle');
    expect(make).toThrow('Expected `policy.plans.gold.throttle.forMs` to be an integer');
    expect(make).toThrow(expect.objectContaining({ option: 'policy.plans.gold.throttle.forMs' }));
  });
});
