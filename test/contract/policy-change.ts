import { describe } from 'vitest';
import { describeAtomicChange } from './policy-change/atomic.js';
import { describeLastingQuota } from './policy-change/lasting-quota.js';
import { describeRetryAfterChange } from './policy-change/retry.js';
import { describeChangeTables } from './policy-change/tables.js';
import { describeThrottlingChange } from './policy-change/throttling.js';
import type { StoreUnderTest } from './store/player.js';

/**
 * What `docs/changing-a-policy.md` promises when the policy of a limiter changes, on a store whose clock the tests
 * move. Each test has its own store. `throttles` is whether the store counts violations.
 */
export function describePolicyChange(
  name: string,
  makeStore: () => StoreUnderTest,
  { throttles, runs }: { readonly throttles: boolean; readonly runs: number },
): void {
  describe(`another policy, on ${name}`, () => {
    describeChangeTables(makeStore);
    describeAtomicChange(makeStore);
    describeLastingQuota(makeStore, runs);
    describeRetryAfterChange(makeStore, 4 * runs);
    if (throttles) describeThrottlingChange(makeStore);
  });
}
