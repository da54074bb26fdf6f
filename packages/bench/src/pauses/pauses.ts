import { type BenchOptions, contendersOf, isAsked, roundsOf } from '../bench-options.js';
import { IN_MEMORY } from '../contenders/in-memory.js';
import { OwnProcess } from '../own-process.js';
import { inTurn } from '../rounds.js';
import { spreadOf } from '../spread.js';
import { printTable, spreadCells } from '../table.js';
import type { PausesAnswer, PausesTask } from './pauses-process.js';

/** The longest pause of the event loop while many accounts come, and while they all expire. */
export async function measurePauses(options: BenchOptions): Promise<void> {
  const { smoke } = options;
  const accounts = smoke ? 5000 : 1_000_000;
  const title = `Longest pause of the event loop in ms, ${accounts.toLocaleString('en-US')} accounts`;
  if (!isAsked(options, title)) return;
  const names = [NOTHING, ...contendersOf(options, Object.keys(IN_MEMORY))];
  // Each round begins with new processes, so there is nothing to warm up: a server meets its accounts cold, too.
  const samples = await inTurn(names, { ...roundsOf(options, 3), warmUps: 0 }, (name) =>
    pausesOf(name, accounts, smoke),
  );
  printTable(
    title,
    ['', 'coming', 'least to most', 'expiring', 'least to most'],
    names.map((name) => {
      const own = samples.get(name)!;
      const coming = spreadCells(spreadOf(own.map((sample) => sample.coming)));
      if (NEVER_EXPIRE.has(name)) return [name, ...coming, undefined, undefined];
      return [name, ...coming, ...spreadCells(spreadOf(own.map((sample) => sample.expiring)))];
    }),
  );
}

async function pausesOf(name: string, accounts: number, smoke: boolean): Promise<{ coming: number; expiring: number }> {
  const process = new OwnProcess<PausesTask, PausesAnswer>(new URL('./pauses-process.js', import.meta.url), [name]);
  try {
    const isOurs = name.startsWith('tollgate');
    const windowMs = isOurs ? 60_000 : smoke ? 1000 : NEIGHBOUR_WINDOW_MS;
    const startedAt = performance.now();
    await process.ask({ kind: 'open', settings: { limit: 1_000_000, windowMs, accounts }, movesClock: isOurs });
    const coming = check(name, await process.ask({ kind: 'come', accounts }));
    if (NEVER_EXPIRE.has(name)) return { coming: coming.longestMs, expiring: 0 };
    const stay = 1000;
    const elapsedMs = performance.now() - startedAt;
    const forMs = smoke ? 100 : isOurs ? OURS_AT_MOST_MS : (EXPIRED_AFTER_MS[name] ?? 0) + windowMs + 1000 - elapsedMs;
    const expiring = check(name, await process.ask({ kind: 'expire', forMs, stay, untilHeld: isOurs ? 2 * stay : 0 }));
    if (!smoke && isOurs && expiring.held! > 2 * stay) {
      throw new Error(`${name} still holds ${expiring.held} counters when all but ${stay} have expired`);
    }
    return { coming: coming.longestMs, expiring: expiring.longestMs };
  } finally {
    await process.end();
  }
}

function check(name: string, answer: PausesAnswer): PausesAnswer {
  if (answer.admitted !== answer.decisions) {
    throw new Error(`${name} refused ${answer.decisions - answer.admitted} requests that were within their limit`);
  }
  return answer;
}

const NOTHING = 'nothing but the accounts';

/** A map that only grows, and a store that forgets only what others push out. */
const NEVER_EXPIRE: ReadonlySet<string> = new Set(['Map get and set', '@fastify/rate-limit']);

/** The time of ours is moved when all have come, and it expires as decisions are made. Theirs is real. */
const NEIGHBOUR_WINDOW_MS = 5000;
const OURS_AT_MOST_MS = 30_000;

/** How long after its start plus a window each has surely dropped what came within the first window, by its timers. */
const EXPIRED_AFTER_MS: Readonly<Record<string, number>> = {
  // Drops a generation with every window, and what comes belongs to the second one.
  'express-rate-limit': NEIGHBOUR_WINDOW_MS,
  // A timer for each account.
  'rate-limiter-flexible': NEIGHBOUR_WINDOW_MS,
  // Looks through all of them every 10 s.
  hitlimit: 10_000,
};
