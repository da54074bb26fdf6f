import { MemoryStore, Quota, RateLimiter } from '@tollgate/core';
import { answerTasks } from '../own-process.js';

export interface FlatnessTask {
  readonly limit: number;
  readonly windowMs: number;
  readonly decisions: number;
}

let now = 0;
let stepMs = 0;

/** One account whose window always holds half of its limit, on a clock that the decisions themselves move. */
answerTasks<FlatnessTask>(({ limit, windowMs, decisions }) => {
  now = 0;
  stepMs = (2 * windowMs) / limit;
  const limiter = new RateLimiter({
    policy: { quotas: [new Quota({ limit, windowMs })] },
    store: new MemoryStore({ clock: () => now }),
  });
  // Until the window is as full as it will be, and the slices have been cut as they will be.
  decide(limiter, limit);
  const startedAt = performance.now();
  const admitted = decide(limiter, decisions);
  return { admitted, elapsedMs: performance.now() - startedAt };
});

function decide(limiter: RateLimiter, decisions: number): number {
  let admitted = 0;
  for (let made = 0; made < decisions; made++) {
    now += stepMs;
    const decision = limiter.consume({ account: 'acct00000000', category: 'legs' });
    if ('allowed' in decision && decision.allowed) admitted++;
  }
  return admitted;
}
