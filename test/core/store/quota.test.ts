import { perDay, perHour, perMinute, perSecond, Quota, type QuotaOptions } from '@tollgate/core';
import { describe, expect, it } from 'vitest';

const good = { limit: 10, windowMs: 1000 };

describe('Quota', () => {
  it('has a name for every window and 128 slices by default', () => {
    expect(new Quota(good)).toMatchObject({ limit: 10, windowMs: 1000, name: 'per-second', slices: 128 });
    expect(new Quota({ ...good, name: 'burst', slices: 7 })).toMatchObject({ name: 'burst', slices: 7 });
    const nameOf = (windowMs: number) => new Quota({ limit: 1, windowMs }).name;
    expect([250, 1000, 5000, 60_000, 90_000, 3_600_000, 7_200_000, 86_400_000, 2_678_400_000].map(nameOf)).toEqual([
      'per-250-ms',
      'per-second',
      'per-5-seconds',
      'per-minute',
      'per-90-seconds',
      'per-hour',
      'per-2-hours',
      'per-day',
      'per-31-days',
    ]);
  });

  it('is exact up to `slices`; above it, a slice is a share of the window, rounded up', () => {
    const of = (limit: number, windowMs: number, slices: number) => {
      const { sliceMs, maxSlices } = new Quota({ limit, windowMs, slices });
      return { sliceMs, maxSlices };
    };
    expect(of(128, 60_000, 128)).toEqual({ sliceMs: 1, maxSlices: 128 });
    expect(of(129, 60_000, 128)).toEqual({ sliceMs: 469, maxSlices: 129 });
    expect(of(50, 100, 3)).toEqual({ sliceMs: 34, maxSlices: 4 });
    expect(of(0, 100, 3)).toEqual({ sliceMs: 1, maxSlices: 0 });
  });

  it('accepts the ends of every range', () => {
    expect(new Quota({ limit: 0, windowMs: 100, slices: 1 }).limit).toBe(0);
    expect(new Quota({ limit: 2 ** 31 - 1, windowMs: 2_678_400_000, slices: 16_384 }).slices).toBe(16_384);
    expect(new Quota({ ...good, name: ' ~' }).name).toBe(' ~');
  });

  it('cannot be changed', () => {
    const quota = new Quota(good);
    expect(() => Object.assign(quota, { limit: 11 })).toThrow(TypeError);
    expect(quota.limit).toBe(10);
  });

  it('can be made from a quota', () => {
    expect(new Quota(perMinute(5, { name: 'sustained' }))).toEqual(perMinute(5, { name: 'sustained' }));
  });

  it.each<[object | null | undefined, typeof TypeError | typeof RangeError, string, string]>([
    [
      { ...good, limit: -1 },
      RangeError,
      'RANGE',
      'Expected `quota.limit` to be an integer from 0 to 2147483647, got -1',
    ],
    [
      { ...good, limit: 2 ** 31 },
      RangeError,
      'RANGE',
      'Expected `quota.limit` to be an integer from 0 to 2147483647, got 2147483648',
    ],
    [
      { ...good, limit: 1.5 },
      RangeError,
      'RANGE',
      'Expected `quota.limit` to be an integer from 0 to 2147483647, got 1.5',
    ],
    [
      { ...good, limit: Number.NaN },
      RangeError,
      'RANGE',
      'Expected `quota.limit` to be an integer from 0 to 2147483647, got NaN',
    ],
    [{ ...good, limit: Number.POSITIVE_INFINITY }, RangeError, 'RANGE', 'got Infinity'],
    [
      { ...good, limit: '10' },
      TypeError,
      'TYPE',
      'Expected `quota.limit` to be an integer from 0 to 2147483647, got "10"',
    ],
    [{ ...good, limit: 10n }, TypeError, 'TYPE', 'got 10n'],
    [
      { windowMs: 1000 },
      TypeError,
      'TYPE',
      'Expected `quota.limit` to be an integer from 0 to 2147483647, got undefined',
    ],
    [
      { ...good, windowMs: 99 },
      RangeError,
      'RANGE',
      'Expected `quota.windowMs` to be an integer from 100 to 2678400000, got 99',
    ],
    [{ ...good, windowMs: 2_678_400_001 }, RangeError, 'RANGE', 'got 2678400001'],
    [
      { ...good, windowMs: [1000] },
      TypeError,
      'TYPE',
      'Expected `quota.windowMs` to be an integer from 100 to 2678400000, got an array of 1',
    ],
    [{ ...good, slices: 0 }, RangeError, 'RANGE', 'Expected `quota.slices` to be an integer from 1 to 16384, got 0'],
    [{ ...good, slices: 16_385 }, RangeError, 'RANGE', 'got 16385'],
    [{ ...good, name: 5 }, TypeError, 'TYPE', 'Expected `quota.name` to be 1 to 64 printable ASCII characters, got 5'],
    [
      { ...good, name: '' },
      RangeError,
      'RANGE',
      'Expected `quota.name` to be 1 to 64 printable ASCII characters, got ""',
    ],
    [{ ...good, name: 'é' }, RangeError, 'RANGE', 'got "é"'],
    [{ ...good, name: 'a\r\nb' }, RangeError, 'RANGE', 'got "a\\r\\nb"'],
    [{ ...good, name: 'n'.repeat(65) }, RangeError, 'RANGE', '`quota.name`'],
    [
      { ...good, window: 5 },
      TypeError,
      'UNKNOWN',
      'Unknown option `quota.window`: expected one of limit, windowMs, name, slices',
    ],
    [null, TypeError, 'TYPE', 'Expected `quota` to be a plain object, got null'],
    [undefined, TypeError, 'TYPE', 'Expected `quota` to be a plain object, got undefined'],
    [[10, 1000], TypeError, 'TYPE', 'Expected `quota` to be a plain object, got an array of 2'],
    [Object.create(good), TypeError, 'TYPE', 'Expected `quota` to be a plain object, got an object'],
  ])('refuses %o', (options, kind, code, message) => {
    const make = () => new Quota(options as QuotaOptions);
    expect(make).toThrow(kind);
    expect(make).toThrow(expect.objectContaining({ code: `TOLLGATE_OPTION_${code}` }));
    expect(make).toThrow(message);
  });
});

describe('per unit of time', () => {
  it('counts whole units', () => {
    expect(perSecond(20, { every: 5 })).toEqual(new Quota({ limit: 20, windowMs: 5000, name: 'per-5-seconds' }));
    expect(perMinute(100)).toEqual(new Quota({ limit: 100, windowMs: 60_000, name: 'per-minute' }));
    expect(perHour(9, { slices: 4 })).toEqual(new Quota({ limit: 9, windowMs: 3_600_000, slices: 4 }));
    expect(perDay(1, { every: 31, name: 'month' })).toEqual(
      new Quota({ limit: 1, windowMs: 2_678_400_000, name: 'month' }),
    );
  });

  it.each([
    [
      () => perSecond(1, { every: 0 }),
      RangeError,
      'Expected `perSecond.every` to be an integer from 1 to 2678400, got 0',
    ],
    [() => perDay(1, { every: 32 }), RangeError, 'Expected `perDay.every` to be an integer from 1 to 31, got 32'],
    [() => perMinute(-1), RangeError, 'Expected `perMinute.limit` to be an integer from 0 to 2147483647, got -1'],
    [() => perHour('1' as never), TypeError, 'Expected `perHour.limit` to be an integer from 0 to 2147483647, got "1"'],
    [() => perHour(1, { evry: 2 } as never), TypeError, 'Unknown option `perHour.evry`'],
    [() => perHour(1, { every: '2' } as never), TypeError, 'Expected `perHour.every`'],
  ])('refuses what makes no sense: %s', (make, kind, message) => {
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });
});
