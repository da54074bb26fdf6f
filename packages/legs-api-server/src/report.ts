import type { RateLimiter } from '@tollgate/core';

/** Tells on the console what an operator would want to hear of. Names come from requests, so they are quoted. */
export function reportOn(limiter: RateLimiter): void {
  let told = limiter.health().state;
  limiter.on('health', ({ state }) => {
    if (state === told) return;
    told = state;
    console.log(
      state === 'up' ? 'Redis answers again.' : 'Redis does not answer: the limits are kept in this process.',
    );
  });
  limiter.on('throttled', ({ account, category, throttled }) => {
    console.log(`Throttled for ${throttled?.endsAfterMs} ms: ${JSON.stringify(account)}, ${JSON.stringify(category)}.`);
  });
  limiter.on('wouldRefuse', ({ account, category, reason }) => {
    console.log(`Would be refused: ${JSON.stringify(account)}, ${JSON.stringify(category)}, ${reason}.`);
  });
}
