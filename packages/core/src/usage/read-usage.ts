import { checkOptions } from '../check.js';
import { type Clock, wallClock } from '../clock.js';
import type { Identity } from '../decision/index.js';
import type { UsageStore } from '../store/index.js';
import { summarizeUsage } from './summarize-usage.js';
import { usageAccount } from './usage-account.js';
import { usagePeriod } from './usage-period.js';
import type { UsageQuery, UsageReport } from './usage-report.js';

/** Whose usage, and of when. */
export type UsageQuestion = Identity & UsageQuery;

/**
 * Reads what a store knows of an account, or of an address, and sums it up. What processes have counted and not yet brought
 * to the store is not in it; a limiter's own `usage` brings its own first.
 *
 * `clock` tells the end of the time where the question does not.
 *
 * @throws TypeError or RangeError for a question that makes no sense; and what the store rejects with.
 * @example
 * const report = await readUsage(new RedisUsage({ client }), { account: 'ameyo5m', from: Date.now() - 86_400_000 });
 */
export async function readUsage(
  store: UsageStore,
  question: UsageQuestion,
  clock: Clock = wallClock,
): Promise<UsageReport> {
  checkOptions('usage', question, ['account', 'address', 'from', 'to', 'step']);
  const name = usageAccount(question);
  const { from, to, step } = usagePeriod(question, clock());
  const account = question.account ?? question.address ?? '';
  return summarizeUsage(await store.read(name, from, to), { account, from, to, step });
}
