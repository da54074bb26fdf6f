import { freshAccounts, randomNumbers } from '../accounts.js';
import { IN_MEMORY, type InMemory, type InMemorySettings } from '../contenders/in-memory.js';
import { answerTasks } from '../own-process.js';

export type MemoryTask =
  | { readonly kind: 'open'; readonly settings: InMemorySettings }
  /** One decision for each account, in the order of their numbers. */
  | { readonly kind: 'fill'; readonly accounts: number }
  /** Decisions for random accounts, in the same order for the same seed. */
  | { readonly kind: 'decide'; readonly decisions: number; readonly accounts: number; readonly seed: number }
  | { readonly kind: 'bytes' };

export interface MemoryAnswer {
  readonly admitted: number;
  readonly elapsedMs: number;
  /** The heap and external memory that V8 counts, after a full garbage collection. */
  readonly bytes: number;
}

/** Accounts made at a time; few, so that their strings are soon collected. */
const BATCH = 10_000;

const contender = IN_MEMORY[process.argv[2]!]!;
let opened: InMemory;

async function decide(numbers: ArrayLike<number>): Promise<MemoryAnswer> {
  let admitted = 0;
  let elapsedMs = 0;
  for (let from = 0; from < numbers.length; from += BATCH) {
    const batch = Array.prototype.slice.call(numbers, from, from + BATCH) as number[];
    const accounts = freshAccounts(batch);
    const startedAt = performance.now();
    const deciding = opened.decideAll(accounts);
    // A synchronous contender is not awaited.
    const admittedNow = typeof deciding === 'number' ? deciding : await deciding;
    elapsedMs += performance.now() - startedAt;
    admitted += admittedNow;
  }
  return { admitted, elapsedMs, bytes: 0 };
}

answerTasks<MemoryTask>(async (task) => {
  switch (task.kind) {
    case 'open':
      opened = await contender(task.settings);
      return undefined;
    case 'fill':
      return decide(Uint32Array.from({ length: task.accounts }, (_, number) => number));
    case 'decide':
      return decide(randomNumbers(task.decisions, task.accounts, task.seed));
    case 'bytes': {
      // Twice, since the first collection may free objects that keep others alive.
      globalThis.gc!();
      globalThis.gc!();
      const { heapUsed, external } = process.memoryUsage();
      return { admitted: 0, elapsedMs: 0, bytes: heapUsed + external };
    }
  }
});
