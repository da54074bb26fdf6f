import { describe } from 'vitest';
import { describeAtomicChange } from './policy-change/atomic.js';
import { describeLastingQuota } from './policy-change/lasting-quota.js';
import { describeChangeTables } from './policy-change/tables.js';
import { describeThrottlingChange } from './policy-change/throttling.js';
import type { StoreUnderTest } from './store/player.js';

/**
 * A policy that changes under a limiter: what `docs/policy.md` says of it, on a store whose clock can be moved. Every test
 * takes a store of its own. `throttles` is whether the store keeps violations.
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
