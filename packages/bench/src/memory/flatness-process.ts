import { MemoryStore, Quota, RateLimiter } from '@tollgate/core';
import { answerTasks } from '../own-process.js';

export interface FlatnessTask {
  readonly limit: number;
  readonly windowMs: number;
  readonly decisions: number;
}

let now = 0;
let stepMs = 0;

/** One account that always has used half of its limit, on a clock that each decision moves on. */
answerTasks<FlatnessTask>(({ limit, windowMs, decisions }) => {
  now = 0;
  stepMs = (2 * windowMs) / limit;
  const limiter = new RateLimiter({
    policy: { quotas: [new Quota({ limit, windowMs })] },
    store: new MemoryStore({ clock: () => now }),
  });
  // Until the window is half full and its slices have their final sizes.
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
