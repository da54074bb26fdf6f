import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExpiryWheel } from '../../../packages/core/dist/memory/expiry-wheel.js';
import { runsFor } from '../../effort.js';

type Action =
  | { kind: 'add'; inMs: number }
  | { kind: 'remove'; pick: number }
  | { kind: 'take' }
  | { kind: 'drain' }
  | { kind: 'advance'; ms: number };

/** Durations around the powers of 256, where an instant moves to the next level, and of every size in between. */
const duration = fc.oneof(
  fc.nat(600),
  fc
    .tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: -2, max: 2 }))
    .map(([level, by]) => Math.max(0, 256 ** level + by)),
  fc.nat(2_678_400_000),
);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), inMs: duration }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'take' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'drain' as const }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: duration }) },
);

describe('ExpiryWheel', () => {
  it('has nothing to take while it is empty', () => {
    const wheel = new ExpiryWheel();
    expect(wheel.take(0)).toBe(-1);
    expect(wheel.take(1e12)).toBe(-1);
  });

  it('is exact to the millisecond for what expires within the present 256 ms', () => {
    const wheel = new ExpiryWheel();
    wheel.take(1024);
    wheel.add(7, 1100);
    expect(wheel.take(1099)).toBe(-1);
    expect(wheel.take(1100)).toBe(7);
    expect(wheel.take(1100)).toBe(-1);
  });

  it('hands out what was filed exactly before what lies in a coarse bucket', () => {
    const wheel = new ExpiryWheel();
    wheel.add(1, 300);
    wheel.add(2, 100);
    // 256 is the start of the bucket in which 300 lies, so 1 may be looked at from now on.
    expect(wheel.take(256)).toBe(2);
    expect(wheel.take(256)).toBe(1);
    expect(wheel.take(256)).toBe(-1);
  });

  it('does so also when the coarse one was there first', () => {
    const wheel = new ExpiryWheel();
    wheel.add(1, 70_000);
    wheel.add(2, 100);
    expect(wheel.take(65_536)).toBe(2);
    wheel.add(3, 65_540);
    expect(wheel.take(65_540)).toBe(3);
    expect(wheel.take(65_540)).toBe(1);
  });

  it('behaves like a list: everything expired is taken, each slot once, and what is put back comes again', () => {
    fc.assert(
      fc.property(fc.nat(2e12), fc.array(action, { maxLength: 80, size: 'max' }), (start, actions) => {
        const wheel = new ExpiryWheel();
        const filed = new Map<number, number>();
        let now = start;
        let next = 0;
        expect(wheel.take(now)).toBe(-1);
        /**
         * Takes one slot; one that has not expired is put back by hand, as its owner would. Whether one had expired.
         */
        const takeOne = (early: [number, number][]): boolean | undefined => {
          const slot = wheel.take(now);
          if (slot < 0) return undefined;
          const expiresAt = filed.get(slot);
          expect(expiresAt).toBeDefined();
          filed.delete(slot);
          if (expiresAt! > now) early.push([slot, expiresAt!]);
          return expiresAt! <= now;
        };
        const drain = () => {
          const early: [number, number][] = [];
          while (takeOne(early) !== undefined);
          for (const expiresAt of filed.values()) expect(expiresAt).toBeGreaterThan(now);
          for (const [slot, expiresAt] of early) {
            wheel.add(slot, expiresAt);
            filed.set(slot, expiresAt);
          }
          expect(wheel.take(now)).toBe(-1);
        };
        for (const step of actions) {
          switch (step.kind) {
            case 'add':
              // Slots are used again, and far-apart ones need pages of their own.
              filed.set(next, now + step.inMs);
              wheel.add(next, now + step.inMs);
              next += next % 5 === 4 ? 3001 : 1;
              break;
            case 'remove': {
              const slot = [...filed.keys()][step.pick % Math.max(1, filed.size)];
              if (slot === undefined) break;
              wheel.remove(slot);
              filed.delete(slot);
              break;
            }
            case 'take': {
              const early: [number, number][] = [];
              takeOne(early);
              for (const [slot, expiresAt] of early) {
                wheel.add(slot, expiresAt);
                filed.set(slot, expiresAt);
              }
              break;
            }
            case 'drain':
              drain();
              break;
            case 'advance':
              now += step.ms;
              break;
          }
        }
        drain();
        now += 2 * 2_678_400_000;
        drain();
        expect(filed.size).toBe(0);
      }),
      { numRuns: runsFor(500) },
    );
  });

  it('looks at a slot at most once per level of the wheel, however far off it expires', () => {
    fc.assert(
      fc.property(
        fc.nat(2e12),
        fc.nat(2_678_400_000),
        fc.array(duration, { maxLength: 50, size: 'max' }),
        (start, inMs, waits) => {
          const wheel = new ExpiryWheel();
          let now = start;
          wheel.take(now);
          const expiresAt = now + inMs;
          wheel.add(0, expiresAt);
          let looks = 0;
          for (const wait of [...waits, inMs]) {
            now += wait;
            if (wheel.take(now) < 0) {
              expect(expiresAt).toBeGreaterThan(now);
              continue;
            }
            looks++;
            if (expiresAt <= now) break;
            wheel.add(0, expiresAt);
          }
          expect(looks).toBeGreaterThanOrEqual(1);
          expect(looks).toBeLessThanOrEqual(6);
        },
      ),
      { numRuns: runsFor(300) },
    );
  });
});
