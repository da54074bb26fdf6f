import type { UsageEntry } from '@tollgate/core/usage';
import fc from 'fast-check';

/** One decided request. */
export interface Request {
  readonly account: string;
  readonly category: string;
  readonly at: number;
  readonly answer: 'admitted' | 'refused' | 'wouldRefuse';
}

/** How many categories of an account and hour a store keeps apart. */
export const MAX_CATEGORIES_KEPT = 64;

/** The day before yesterday: a store would drop much older entries at once. */
export const START_AT: number = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 2 * 86_400_000;

/** Requests of a few minutes around an instant, with the given names. */
export function requestsOf(
  accounts: readonly string[],
  categories: readonly string[],
  aroundAt: number,
  maxLength = 60,
): fc.Arbitrary<Request[]> {
  const request = fc.record({
    account: fc.constantFrom(...accounts),
    category: fc.constantFrom(...categories),
    at: fc
      .record({ minute: fc.integer({ min: -2, max: 1 }), second: fc.constantFrom(0, 1, 2, 58, 59), ms: fc.nat(999) })
      .map(({ minute, second, ms }) => aroundAt + minute * 60_000 + second * 1000 + ms),
    answer: fc.constantFrom('admitted' as const, 'admitted' as const, 'refused' as const, 'wouldRefuse' as const),
  });
  return fc.array(request, { maxLength, size: 'max' });
}

/** The entries that a process adds after it has counted these requests. */
export function entriesOf(requests: readonly Request[]): UsageEntry[] {
  const entries = new Map<string, { -readonly [Key in keyof UsageEntry]: UsageEntry[Key] } & { seconds: number[] }>();
  for (const { account, category, at, answer } of requests) {
    const minuteAt = Math.floor(at / 60_000) * 60_000;
    const key = JSON.stringify([account, category, minuteAt]);
    let entry = entries.get(key);
    if (entry === undefined) {
      entry = { account, category, minuteAt, admitted: 0, refused: 0, wouldRefuse: 0, seconds: [] };
      entries.set(key, entry);
    }
    if (answer === 'refused') entry.refused++;
    else entry.admitted++;
    if (answer === 'wouldRefuse') entry.wouldRefuse++;
    entry.seconds.push(Math.floor((at - minuteAt) / 1000), 1);
  }
  return [...entries.values()];
}
