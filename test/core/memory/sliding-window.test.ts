import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingWindows } from '../../../packages/core/dist/memory/sliding-window.js';
import { runsFor } from '../../effort.js';

/** One open window, charged as a quota of that many slices would charge it. */
function windowOf(windowMs: number, { sliceMs = 1, maxSlices = 129 } = {}) {
  const windows = new SlidingWindows();
  const window = windows.allocate(1);
  windows.open(window, windowMs);
  return {
    admit: (now: number, cost = 1) => {
      windows.used(window, now);
      windows.admit(window, now, cost, sliceMs, maxSlices);
    },
    used: (now: number) => windows.used(window, now),
    /** The instant at which one unit more fits under a limit of what is used. */
    roomGrowsAt: (now: number) => {
      const used = windows.used(window, now);
      return windows.fitsAt(window, used, Math.max(1, used), 1, now);
    },
    roomAt: (excess: number) => windows.roomAt(window, excess),
    takeBack: (now: number, admittedAt: number, cost: number) => windows.takeBack(window, now, admittedAt, cost),
    copyTo: (windowMs: number, now: number) => {
      const copy = windows.allocate(1);
      windows.open(copy, windowMs);
      windows.copy(window, copy, now);
      return windows.used(copy, now);
    },
  };
}

describe('SlidingWindows', () => {
  it('counts an admission until windowMs after it, and not at that instant', () => {
    const window = windowOf(1000);
    window.admit(5000, 3);
    expect(window.used(5000)).toBe(3);
    expect(window.used(5999)).toBe(3);
    expect(window.used(6000)).toBe(0);
  });

  it('says when room grows and when enough of it has grown', () => {
    const window = windowOf(1000);
    expect(window.roomGrowsAt(7)).toBe(7);
    window.admit(10, 2);
    window.admit(20, 1);
    window.admit(30, 4);
    expect(window.roomGrowsAt(30)).toBe(1010);
    expect([1, 2, 3, 4, 7].map(window.roomAt)).toEqual([1010, 1010, 1020, 1030, 1030]);
  });

  it('merges what is admitted in one slice, and counts it until the last of it has left', () => {
    const window = windowOf(1000, { sliceMs: 250, maxSlices: 5 });
    window.admit(0);
    window.admit(249);
    window.admit(250);
    expect(window.used(1000)).toBe(3);
    expect(window.roomAt(1)).toBe(1249);
    expect(window.used(1248)).toBe(3);
    expect(window.used(1249)).toBe(1);
    expect(window.used(1250)).toBe(0);
  });

  it('never keeps more than maxSlices slices: what is one too many joins the newest', () => {
    const window = windowOf(1000, { maxSlices: 2 });
    for (const now of [0, 1, 2, 3]) window.admit(now);
    expect(window.used(3)).toBe(4);
    expect(window.used(1000)).toBe(3);
    expect(window.used(1002)).toBe(3);
    expect(window.used(1003)).toBe(0);
  });

  it('takes back from the slice that holds the admission', () => {
    const window = windowOf(1000);
    window.admit(0, 1);
    window.admit(10, 2);
    window.admit(20, 4);
    window.takeBack(20, 10, 2);
    expect(window.used(20)).toBe(5);
    expect([1, 2, 5].map(window.roomAt)).toEqual([1000, 1020, 1020]);
    window.takeBack(1005, 0, 1);
    expect(window.used(1005)).toBe(4);
    window.takeBack(1005, 20, 3);
    expect(window.used(1005)).toBe(1);
    window.takeBack(1005, 20, 3);
    expect(window.used(1005)).toBe(0);
  });

  it('takes back nothing that has left, nor from what was admitted later', () => {
    const window = windowOf(1000);
    window.admit(0, 1);
    window.admit(1000, 2);
    window.takeBack(1000, 0, 1);
    expect(window.used(1000)).toBe(2);
    window.takeBack(1000, 1001, 2);
    expect(window.used(1000)).toBe(2);
  });

  it('copies only what counts in both windows', () => {
    const window = windowOf(1000);
    window.admit(0, 1);
    window.admit(600, 2);
    expect(window.copyTo(5000, 999)).toBe(3);
    expect(window.copyTo(500, 999)).toBe(2);
    // What has left the short window is gone, whether or not anyone looked at it in between.
    expect(window.copyTo(5000, 1000)).toBe(2);
    expect(window.copyTo(5000, 1600)).toBe(0);
  });

  it('stays at the most that it can write, and counts that for a whole window more', () => {
    const window = windowOf(1000);
    window.admit(0, 2 ** 31);
    window.admit(1, 2 ** 31 - 1);
    expect(window.used(1)).toBe(2 ** 32 - 1);
    window.admit(2, 1);
    expect(window.used(1001)).toBe(2 ** 32 - 1);
    expect(window.used(1002)).toBe(0);
  });

  it('is a log in a ring that grows, wraps, empties and shrinks', () => {
    const step = fc.record({ wait: fc.oneof(fc.nat(3), fc.nat(30), fc.constantFrom(199, 200)), burst: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const window = windowOf(200, { maxSlices: 16_384 });
        let log: number[] = [];
        let now = 1000;
        for (const { wait, burst } of steps) {
          now += wait;
          for (let i = 0; i < burst; i++) {
            window.admit(now);
            log.push(now);
            now++;
          }
          log = log.filter((at) => at > now - 200);
          expect(window.used(now)).toBe(log.length);
          expect(window.roomGrowsAt(now)).toBe(log.length > 0 ? log[0]! + 200 : now);
          for (const excess of [1, Math.ceil(log.length / 2), log.length].filter(
            (each) => each > 0 && log.length > 0,
          )) {
            expect(window.roomAt(excess)).toBe(log[excess - 1]! + 200);
          }
        }
      }),
      { numRuns: runsFor(200) },
    );
  });

  it('keeps many windows apart while their memory changes hands', () => {
    const charge = fc.record({ window: fc.nat(7), wait: fc.nat(60), cost: fc.integer({ min: 1, max: 5 }) });
    fc.assert(
      fc.property(fc.array(charge, { maxLength: 200, size: 'max' }), fc.integer({ min: 1, max: 5 }), (charges, run) => {
        const windows = new SlidingWindows();
        const open = () => {
          const first = windows.allocate(run);
          for (let at = 0; at < run; at++) windows.open(first + at, 100 + at);
          return first;
        };
        const firsts = Array.from({ length: 8 }, open);
        const logs: [number, number][][] = firsts.map(() => []);
        let now = 0;
        for (const [index, { window, wait, cost }] of charges.entries()) {
          now += wait;
          if (index % 17 === 16) {
            windows.free(firsts[window]!, run);
            firsts[window] = open();
            logs[window] = [];
          }
          for (let at = 0; at < run; at++) {
            windows.used(firsts[window]! + at, now);
            windows.admit(firsts[window]! + at, now, cost, 1, 1000);
          }
          logs[window]!.push([now, cost]);
          for (const [other, log] of logs.entries()) {
            for (let at = 0; at < run; at++) {
              const counted = log.filter(([admittedAt]) => admittedAt > now - 100 - at);
              expect(windows.used(firsts[other]! + at, now)).toBe(counted.reduce((sum, [, cost]) => sum + cost, 0));
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('gives runs of windows that never overlap, across the edges of its pages', () => {
    const windows = new SlidingWindows();
    const given = new Set<number>();
    for (let i = 0; i < 500; i++) {
      const count = 1 + ((i * 7) % 64);
      const first = windows.allocate(count);
      for (let window = first; window < first + count; window++) {
        expect(given.has(window)).toBe(false);
        given.add(window);
        windows.open(window, 100 + window);
      }
    }
    for (const window of given) expect(windows.windowMs(window)).toBe(100 + window);
  });
});
