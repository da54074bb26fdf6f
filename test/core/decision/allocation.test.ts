import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

/**
 * The bytes that an admitted decision allocates, the fewest of many runs: the compiler has its own pace. New objects
 * have so much room that nothing is collected while it is counted.
 */
function bytesPerDecision(throttle: object | undefined): number {
  const core = new URL('../../../packages/core/dist/index.js', import.meta.url).href;
  const script = `
    const { RateLimiter, perMinute, perSecond } = await import(${JSON.stringify(core)});
    const quotas = [perMinute(1e9), perSecond(1e9)];
    const limiter = new RateLimiter({ policy: { quotas, ...${JSON.stringify({ throttle })} } });
    const charges = Array.from({ length: 100 }, (_, i) => ({ account: 'acct' + i, category: 'legs' }));
    let admitted = 0;
    const decide = (count) => {
      for (let i = 0; i < count; i++) if (limiter.consume(charges[i % 100]).allowed) admitted++;
    };
    let least = Infinity;
    for (let run = 0; run < 30; run++) {
      gc();
      const before = process.memoryUsage().heapUsed;
      decide(20_000);
      const bytes = (process.memoryUsage().heapUsed - before) / 20_000;
      if (bytes > 0) least = Math.min(least, bytes);
    }
    console.log(JSON.stringify({ least, admitted }));
  `;
  const room = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];
  const told = execFileSync(process.execPath, [...room, '--input-type=module', '-e', script], { encoding: 'utf8' });
  const { least, admitted } = JSON.parse(told) as { least: number; admitted: number };
  expect(admitted).toBe(600_000);
  return least;
}

describe('an admitted decision in memory', () => {
  const throttle = { afterViolations: 10, withinMs: 60_000, forMs: 60_000, factor: 0.5 };

  it.each([
    ['that never throttles', undefined],
    ['that throttles', throttle],
  ])('allocates itself and next to nothing else, under a policy %s', (_, throttle) => {
    const bytes = bytesPerDecision(throttle);
    // A decision has 21 fields behind a head of three words; the clock's own number takes two words more.
    expect(bytes).toBeGreaterThan(150);
    expect(bytes).toBeLessThan(24 * 8 + 2 * 8 + 32);
  });
});
