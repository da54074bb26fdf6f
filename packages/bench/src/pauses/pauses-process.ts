import { setImmediate as nextTurn } from 'node:timers/promises';
import { freshAccounts, randomNumbers } from '../accounts.js';
import { IN_MEMORY, type InMemory, type InMemorySettings } from '../contenders/in-memory.js';
import { answerTasks } from '../own-process.js';

export type PausesTask =
  | { readonly kind: 'open'; readonly settings: Omit<InMemorySettings, 'clock'>; readonly movesClock: boolean }
  /** One decision for each account, {@link PER_TURN} in a turn of the event loop. */
  | { readonly kind: 'come'; readonly accounts: number }
  /** `stay` accounts go on while the others expire, for `forMs` or until at most `untilSize` counters are left. */
  | { readonly kind: 'expire'; readonly forMs: number; readonly stay: number; readonly untilSize: number };

export interface PausesAnswer {
  readonly longestMs: number;
  readonly admitted: number;
  readonly decisions: number;
  /** The number of counters afterwards. */
  readonly size: number | undefined;
}

/** Decisions in one turn. They take a fraction of a millisecond, so a longer turn is a pause. */
const PER_TURN = 100;

const contender = IN_MEMORY[process.argv[2]!];
let opened: InMemory | undefined;
let settings: Omit<InMemorySettings, 'clock'>;
let movedMs = 0;

answerTasks<PausesTask>(async (task) => {
  if (task.kind === 'open') {
    settings = task.settings;
    // Another instance warms up the code, so that the measured one starts empty.
    await (await contender?.(settings))?.decideAll(freshAccounts(randomNumbers(50_000, 1000, 1)));
    // Tollgate has no timer. Its clock is moved, so all accounts expire at once, which is the worst case.
    const clock = task.movesClock ? { clock: () => performance.now() + movedMs } : {};
    opened = await contender?.({ ...settings, ...clock });
    return undefined;
  }
  if (task.kind === 'come') {
    const { accounts } = task;
    return turns((turn) => {
      const from = turn * PER_TURN;
      return from >= accounts
        ? undefined
        : Array.from({ length: Math.min(PER_TURN, accounts - from) }, (_, n) => from + n);
    });
  }
  movedMs = settings.windowMs + 1;
  const numbers = randomNumbers(10_000, task.stay, 1);
  const endsAt = performance.now() + task.forMs;
  return turns((turn) => {
    const from = (turn * PER_TURN) % numbers.length;
    const isOver = performance.now() >= endsAt || (opened?.size?.() ?? Infinity) <= task.untilSize;
    return isOver ? undefined : numbers.subarray(from, from + PER_TURN);
  });
});

/** Measures the longest time from one turn of the event loop to the next. */
async function turns(numbersOf: (turn: number) => ArrayLike<number> | undefined): Promise<PausesAnswer> {
  let longestMs = 0;
  let admitted = 0;
  let decisions = 0;
  let lastAt = performance.now();
  for (let turn = 0; ; turn++) {
    const numbers = numbersOf(turn);
    if (numbers === undefined) break;
    const accounts = freshAccounts(numbers);
    decisions += accounts.length;
    // Without a contender, this measures the creation of the accounts, and the machine.
    const decided = opened?.decideAll(accounts) ?? accounts.length;
    admitted += typeof decided === 'number' ? decided : await decided;
    await nextTurn();
    const now = performance.now();
    longestMs = Math.max(longestMs, now - lastAt);
    lastAt = now;
  }
  return { longestMs, admitted, decisions, size: opened?.size?.() };
}
