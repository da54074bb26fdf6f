import { describe } from 'vitest';
import { describeAtomicChange } from './policy-change/atomic.js';
import { describeLastingQuota } from './policy-change/lasting-quota.js';
import { describeChangeTables } from './policy-change/tables.js';
import { describeThrottlingChange } from './policy-change/throttling.js';
import type { StoreUnderTest } from './store/player.js';

/**
 * Tests the rules of `docs/changing-a-policy.md` on a store whose clock can be moved. Every test makes its own store.
 * `throttles` is whether the store keeps violations.
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
    if (throttles) describeThrottlingChange(makeStore);
  });
}
