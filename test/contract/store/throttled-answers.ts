import { expect } from 'vitest';
import type { Answered } from './player.js';

/** Each answer names the throttled counters and the rest of their throttlings. */
export function expectThrottledAsExpected(answered: readonly Answered[]): void {
  for (const { counters, outcome, expected } of answered) {
    const none = counters.map(() => 0);
    if (counters.some(({ throttle }) => throttle !== undefined)) {
      expect(outcome.throttledMs).toEqual(expected.throttledMs);
    } else {
      expect(outcome.throttledMs ?? none).toEqual(none);
    }
    expect(outcome.beganThrottling ?? false).toBe(expected.beganThrottling);
  }
}

/**
 * For traces without resets and pardons: answers repeat the end of a throttling, and a new end means a new throttling.
 */
export function expectEndsKept(answered: readonly Answered[]): void {
  const ends = new Map<string, number>();
  for (const { kind, account, counters, outcome } of answered) {
    const { now, allowed, throttledMs = [], beganThrottling = false } = outcome;
    const began = counters.filter(({ name, throttle }, place) => {
      const key = JSON.stringify([account, name]);
      const answeredMs = throttledMs[place]!;
      const expectedMs = Math.max(0, (ends.get(key) ?? 0) - now);
      if (answeredMs === expectedMs) return false;
      expect({ kind, allowed, expectedMs }).toEqual({ kind: 'consume', allowed: false, expectedMs: 0 });
      const { forMs, escalate } = throttle!;
      expect(answeredMs).toBeGreaterThanOrEqual(forMs);
      expect(answeredMs).toBeLessThanOrEqual(escalate?.maxMs ?? forMs);
      ends.set(key, now + answeredMs);
      return true;
    });
    expect(beganThrottling).toBe(began.length > 0);
  }
}
