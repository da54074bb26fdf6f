import { type BenchOptions, isAsked } from '../bench-options.js';
import { OwnProcess } from '../own-process.js';
import { figure, printTable } from '../table.js';
import type { AllocationTask } from './allocation-process.js';
import { expectAdmitted } from './decisions.js';

/** What one admitted decision leaves to the garbage collector. */
export async function measureAllocation(options: BenchOptions): Promise<void> {
  const title = 'Memory: bytes allocated by one admitted decision, two quotas';
  if (!isAsked(options, title)) return;
  const runs = options.smoke ? 3 : 30;
  const decisions = 20_000;
  const rows: [string, string][] = [];
  for (const name of ['tollgate RateLimiter', 'tollgate RateLimiter, throttle']) {
    const contender = new OwnProcess<AllocationTask, { admitted: number; bytes: number }>(
      new URL('./allocation-process.js', import.meta.url),
      [],
      // New objects have so much room that nothing is collected within a run.
      ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'],
    );
    try {
      const { admitted, bytes } = await contender.ask({ throttles: name.endsWith('throttle'), runs, decisions });
      expectAdmitted(name, runs * decisions, admitted);
      rows.push([name, figure(bytes)]);
    } finally {
      await contender.end();
    }
  }
  printTable(title, ['', 'bytes'], rows);
}
