import { boundedName } from '../bounded-name.js';
import { checkOptions } from '../check.js';
import { type Clock, wallClock } from '../clock.js';
import { type Identity, ownerOf } from '../decision/index.js';
import {
  counterPrefix,
  counterPrefixOf,
  DEFAULT_LIMITER,
  limiterNameOf,
  OTHER_ACCOUNTS,
  type UsageStore,
} from '../store/index.js';
import { summarizeUsage } from './summarize-usage.js';
import { usagePeriod } from './usage-period.js';
import type { UsageQuery, UsageReport } from './usage-report.js';

/** Whose usage, and for which period. */
export type UsageQuestion = Identity &
  UsageQuery & {
    /** The name of the limiter that has counted. Default: that of limiters without a name. */
    readonly limiter?: string | undefined;
  };

/**
 * Reads the usage of an account or an address from a store, and sums it up. It lacks what processes have counted and
 * not yet flushed; a limiter's own `usage` flushes that limiter first.
 *
 * `clock` is the end of the period where the question has no `to`.
 *
 * @throws TypeError or RangeError for an invalid question; and what the store rejects with.
 * @example
 * const report = await readUsage(new RedisUsage({ client }), { account: 'ameyo5m', from: Date.now() - 86_400_000 });
 */
export async function readUsage(
  store: UsageStore,
  question: UsageQuestion,
  clock: Clock = wallClock,
): Promise<UsageReport> {
  checkOptions('usage', question, ['account', 'address', 'limiter', 'from', 'to', 'step']);
  const name = usageAccount(question, question.limiter);
  const { from, to, step } = usagePeriod(question, clock());
  const account = question.account ?? question.address ?? '';
  return summarizeUsage(await store.read(name, from, to), { account, from, to, step });
}

/**
 * The name of an account or an address in a usage store: as counters are named, and at most 257 UTF-16 units long
 * behind the name of the limiter, if that has one.
 */
export function usageAccount(identity: Identity, limiter: string = DEFAULT_LIMITER): string {
  return usagePrefix(limiter) + boundedName(ownerOf(identity));
}

/** What the usage names of a limiter begin with. No account or address does: an account's own `@` is doubled. */
export function usagePrefix(limiter: string): string {
  const prefix = counterPrefix(limiter);
  return prefix === '' ? '' : `@${prefix}`;
}

/** The same for a name, as {@link usageAccount} returns it. */
export function usagePrefixOf(name: string): string {
  if (!name.startsWith('@*')) return '';
  const prefix = counterPrefixOf(name.slice(1));
  return prefix === '' ? '' : `@${prefix}`;
}

/** The account under which the others beside the name are counted together. */
export function othersOf(name: string): string {
  return usagePrefixOf(name) + OTHER_ACCOUNTS;
}

/**
 * The account or address of a name in {@link UsageTop}, and the limiter that has counted, if it has a name. A name
 * longer than 256 UTF-16 units is shown as its beginning and a digest of the whole, which is not the account's own
 * name.
 */
export function identityOf(name: string): Identity & { readonly limiter?: string } {
  const prefix = usagePrefixOf(name);
  const own = name.slice(prefix.length);
  const limiter = prefix === '' ? {} : { limiter: limiterNameOf(prefix.slice(1)) };
  if (own.startsWith('@:')) return { address: own.slice(2), ...limiter };
  return { account: own.startsWith('@') ? own.slice(1) : own, ...limiter };
}
