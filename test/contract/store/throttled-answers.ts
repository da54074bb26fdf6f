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
  const violations = new Map<string, number[]>();
  for (const { kind, account, counters, cost, outcome } of answered) {
    const { now } = outcome;
    let began = false;
    let answer = 0;
    for (const [place, { name, quotas, throttle }] of counters.entries()) {
      const key = JSON.stringify([account, name]);
      const told = outcome.throttledMs![place]!;
      const known = Math.max(0, (ends.get(key) ?? 0) - now);
      const before = violations.get(key) ?? [];
      const first = answer;
      answer += quotas.length;
      const limitOf = (limit: number) => (known > 0 ? throttle!.limitOf(limit) : limit);
      const full = quotas.some(({ limit }, index) => outcome.used[first + index]! + cost > limitOf(limit));
      const violates = kind === 'consume' && !outcome.allowed && full;
      const { withinMs, afterViolations, forMs, escalate } = throttle!;
      if (violates) violations.set(key, [...before, now]);
      if (told === known) continue;
      began = true;
      expect({ kind, known, violates }).toEqual({ kind: 'consume', known: 0, violates: true });
      expect(violations.get(key)!.filter((at) => at > now - withinMs).length).toBeGreaterThanOrEqual(afterViolations);
      expect(told).toBeGreaterThanOrEqual(forMs);
      expect(told).toBeLessThanOrEqual(escalate?.maxMs ?? forMs);
      ends.set(key, now + told);
    }
    expect(outcome.beganThrottling ?? false).toBe(began);
  }
}
