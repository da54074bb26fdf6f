import { perMinute, perSecond, RateLimiter } from '@tollgate/core';
import { answerTasks } from '../own-process.js';

export interface AllocationTask {
  readonly throttles: boolean;
  readonly runs: number;
  readonly decisions: number;
}

const throttle = { afterViolations: 10, withinMs: 60_000, forMs: 60_000, factor: 0.5 };

/** The least of many runs, since the compiler allocates too while the code gets warm. */
answerTasks<AllocationTask>(({ throttles, runs, decisions }) => {
  const quotas = [perMinute(1e9), perSecond(1e9)];
  const limiter = new RateLimiter({ policy: { quotas, ...(throttles && { throttle }) } });
  const charges = Array.from({ length: 100 }, (_, number) => ({ account: `acct${number}`, category: 'legs' }));
  let admitted = 0;
  let bytes = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run++) {
    globalThis.gc!();
    const before = process.memoryUsage().heapUsed;
    for (let made = 0; made < decisions; made++) {
      const decision = limiter.consume(charges[made % charges.length]!);
      if ('allowed' in decision && decision.allowed) admitted++;
    }
    const allocated = (process.memoryUsage().heapUsed - before) / decisions;
    // A collection in between makes the number negative.
    if (allocated > 0) bytes = Math.min(bytes, allocated);
  }
  return { admitted, bytes };
});
