import { type BenchOptions, contendersOf, isAsked } from '../bench-options.js';
import { IN_MEMORY } from '../contenders/in-memory.js';
import { figure, printTable } from '../table.js';
import { expectAdmitted, memoryProcess } from './decisions.js';

/** Measures the memory of an account with one request: V8's memory before and after, in a process per contender. */
export async function measureBytes(options: BenchOptions): Promise<void> {
  const accounts = options.smoke ? 5000 : 1_000_000;
  const title = `Memory: bytes per account with one request in its window, ${accounts.toLocaleString('en-US')} accounts`;
  if (!isAsked(options, title)) return;
  const measured: [string, number][] = [];
  for (const name of contendersOf(options, Object.keys(IN_MEMORY))) {
    const contender = memoryProcess(name, ['--expose-gc']);
    try {
      await contender.ask({ kind: 'open', settings: { limit: 100, windowMs: 600_000, accounts } });
      const before = await contender.ask({ kind: 'bytes' });
      const { admitted } = await contender.ask({ kind: 'fill', accounts });
      expectAdmitted(name, accounts, admitted);
      const after = await contender.ask({ kind: 'bytes' });
      measured.push([name, (after.bytes - before.bytes) / accounts]);
    } finally {
      await contender.end();
    }
  }
  const floor = measured[0]![1];
  printTable(
    title,
    ['', 'bytes', 'times the floor'],
    measured.map(([name, bytes]) => [name, figure(bytes), figure(bytes / floor)]),
  );
}
