import type { UsageCorrections, UsageEntry } from '@tollgate/core/usage';
import { RedisUsage } from '@tollgate/redis';

/** Names that would do harm in HTML, a spreadsheet, a terminal or an object. */
export const HOSTILE = [
  '<img src=x onerror="globalThis.isOwned = true">',
  '</script><script>globalThis.isOwned = true</script>',
  '=HYPERLINK("http://127.0.0.1/","x")',
  '__proto__',
  '\u001b[2J\u202e',
  '"><svg/onload=globalThis.isOwned=true>',
  "'); globalThis.isOwned = true; ('",
  'x'.repeat(200),
  '',
] as const;

export interface Traffic {
  readonly account: string;
  readonly categories: readonly string[];
  readonly minutes: number;
  /** The first instant of the last minute. */
  readonly lastMinuteAt: number;
}

/** Of each minute of the first category. */
export const CORRECTIONS: UsageCorrections = { count: 2, refundedUnits: 10, debitedUnits: 3 };

export interface Sent {
  readonly admitted: number;
  readonly refused: number;
}

/** Stores the usage of several minutes, 15 minutes apart, as a limiter would. Returns the requests by category. */
export async function storeTraffic(url: string, traffic: Traffic): Promise<Map<string, Sent>> {
  const { account, categories, minutes, lastMinuteAt } = traffic;
  const sent = new Map<string, Sent>();
  const entries: UsageEntry[] = [];
  for (const [index, category] of categories.entries()) {
    const sum = { admitted: 0, refused: 0 };
    for (let minute = 0; minute < minutes; minute++) {
      const admitted = 40 - 3 * index + ((minute * 7) % 11);
      const refused = index < 2 ? minute % 5 : 0;
      const all = admitted + refused;
      sum.admitted += admitted;
      sum.refused += refused;
      entries.push({
        ...{ account, category, admitted, refused, wouldRefuse: 0 },
        minuteAt: lastMinuteAt - minute * 15 * 60_000,
        seconds: [3, all - 2, 59, 2],
        fullest: { used: admitted, limit: 50, windowMs: 60_000 },
        ...(index === 0 && { corrections: CORRECTIONS }),
      });
    }
    sent.set(category, sum);
  }
  const usage = new RedisUsage({ url, timeoutMs: 10_000 });
  const failures = await usage.add(entries);
  await usage.close();
  if (failures.length > 0) throw new Error(`${failures.length} entries were not stored`);
  return sent;
}
