import type { Decision, RateLimiter } from '@tollgate/core';
import { type Call, claim } from './demo-client.js';

/** The fifth scene: a limit is tried on live traffic, and refuses no one. */
export async function showObserved(call: Call, limiter: RateLimiter): Promise<void> {
  console.log('5. Observed: a limit of 5 a minute is tried on one account before it is enforced.\n');
  const told: Decision[] = [];
  const listener = (decision: Decision) => told.push(decision);
  limiter.on('wouldRefuse', listener);
  try {
    for (let number = 1; number <= 8; number++) {
      const admitted = await call('POST', 'observed1m/legs');
      claim(admitted.status === 202, `request ${number} of 8 to be admitted`, admitted);
      const remaining = admitted.headers.get('x-ratelimit-remaining');
      claim(remaining === String(Math.max(0, 5 - number)), 'the headers to tell how the limit stands', admitted);
      claim(told.length === Math.max(0, number - 5), 'an event for each that would be refused', admitted);
    }
  } finally {
    limiter.off('wouldRefuse', listener);
  }
  const { account, category, reason, retryAfterMs } = told[0]!;
  console.log(`   POST /v2/accounts/observed1m/legs, 8 times: 8 admitted, each with 202.
   The limiter tells of 3 that it would have refused. The first: ${JSON.stringify({ account, category, reason, retryAfterMs })}\n`);
}
