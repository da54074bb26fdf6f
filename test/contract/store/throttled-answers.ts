import { expect } from 'vitest';
import type { Answered } from './player.js';

/** Where anyone may be throttled, each answer says who is, and until when. */
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

/** Without resets and pardons: an end is told again until it has come, and a new one comes with a beginning. */
export function expectEndsKept(answered: readonly Answered[]): void {
  const ends = new Map<string, number>();
  for (const { kind, account, counters, outcome } of answered) {
    const { now, allowed, throttledMs = [], beganThrottling = false } = outcome;
    const began = counters.filter(({ name, throttle }, place) => {
      const key = JSON.stringify([account, name]);
      const told = throttledMs[place]!;
      const known = Math.max(0, (ends.get(key) ?? 0) - now);
      if (told === known) return false;
      expect({ kind, allowed, known }).toEqual({ kind: 'consume', allowed: false, known: 0 });
      const { forMs, escalate } = throttle!;
      expect(told).toBeGreaterThanOrEqual(forMs);
      expect(told).toBeLessThanOrEqual(escalate?.maxMs ?? forMs);
      ends.set(key, now + told);
      return true;
    });
    expect(beganThrottling).toBe(began.length > 0);
  }
}
