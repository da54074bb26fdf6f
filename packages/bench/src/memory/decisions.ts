import { type BenchOptions, contendersOf, isAsked, roundsOf } from '../bench-options.js';
import { IN_MEMORY } from '../contenders/in-memory.js';
import { OwnProcess } from '../own-process.js';
import { inTurn } from '../rounds.js';
import { ratios, spreadOf } from '../spread.js';
import { printTable, spreadCells } from '../table.js';
import type { MemoryAnswer, MemoryTask } from './memory-process.js';

/** Measures one decision in memory, for few and many accounts, admitted and refused. */
export async function measureDecisions(options: BenchOptions): Promise<void> {
  for (const accounts of options.smoke ? [1000] : [1000, 100_000, 1_000_000]) {
    for (const kind of ['admitted', 'refused'] as const) {
      const title = `One decision in memory, ${accounts.toLocaleString('en-US')} accounts, ${kind}`;
      if (isAsked(options, title)) await measure(title, accounts, kind, options);
    }
  }
}

async function measure(
  title: string,
  accounts: number,
  kind: 'admitted' | 'refused',
  options: BenchOptions,
): Promise<void> {
  const decisions = options.smoke ? 2000 : 100_000;
  const all = Object.keys(IN_MEMORY);
  const names = kind === 'admitted' ? all : contendersOf(options, all);
  const processes = new Map(names.map((name) => [name, memoryProcess(name)]));
  try {
    const settings = kind === 'admitted' ? { limit: 1_000_000, windowMs: 60_000 } : { limit: 1, windowMs: 3_600_000 };
    for (const [name, contender] of processes) {
      await contender.ask({ kind: 'open', settings: { ...settings, accounts } });
      const { admitted } = await contender.ask({ kind: 'fill', accounts });
      expectAdmitted(name, accounts, admitted);
    }
    const samples = await inTurn(names, roundsOf(options, 5), async (name, round) => {
      const task = { kind: 'decide', decisions, accounts, seed: round + 1 } as const;
      const { admitted, elapsedMs } = await processes.get(name)!.ask(task);
      expectAdmitted(name, kind === 'admitted' ? decisions : 0, admitted);
      return (elapsedMs / decisions) * 1e6;
    });
    const floor = samples.get(names[0]!)!;
    printTable(
      title,
      ['', 'ns', 'least to most', 'times the floor', 'least to most'],
      names.map((name) => [
        name,
        ...spreadCells(spreadOf(samples.get(name)!)),
        ...spreadCells(ratios(samples.get(name)!, floor)),
      ]),
    );
  } finally {
    for (const contender of processes.values()) await contender.end();
  }
}

export function memoryProcess(name: string, execArgv: readonly string[] = []): OwnProcess<MemoryTask, MemoryAnswer> {
  return new OwnProcess(new URL('./memory-process.js', import.meta.url), [name], execArgv);
}

/** A figure counts only if every decision was right. */
export function expectAdmitted(name: string, expected: number, admitted: number): void {
  if (admitted !== expected) throw new Error(`${name} admitted ${admitted} requests, expected ${expected}`);
}
