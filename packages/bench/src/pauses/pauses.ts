import { type BenchOptions, contendersOf, isAsked, roundsOf } from '../bench-options.js';
import { IN_MEMORY } from '../contenders/in-memory.js';
import { OwnProcess } from '../own-process.js';
import { inTurn } from '../rounds.js';
import { spreadOf } from '../spread.js';
import { printTable, spreadCells } from '../table.js';
import type { PausesAnswer, PausesTask } from './pauses-process.js';

/** Measures the longest pause of the event loop while many accounts come, and while they expire. */
export async function measurePauses(options: BenchOptions): Promise<void> {
  const { smoke } = options;
  const accounts = smoke ? 5000 : 1_000_000;
  const title = `Longest pause of the event loop in ms, ${accounts.toLocaleString('en-US')} accounts`;
  if (!isAsked(options, title)) return;
  const names = [NOTHING, ...contendersOf(options, Object.keys(IN_MEMORY))];
  // Each round has new processes, without a warm-up: a server also starts cold.
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
    const forMs = smoke ? 100 : isOurs ? OURS_MAX_MS : (EXPIRED_AFTER_MS[name] ?? 0) + windowMs + 1000 - elapsedMs;
    const expiring = check(name, await process.ask({ kind: 'expire', forMs, stay, untilSize: isOurs ? 2 * stay : 0 }));
    if (!smoke && isOurs && expiring.size! > 2 * stay) {
      throw new Error(`${name} has ${expiring.size} counters left after all but ${stay} have expired`);
    }
    return { coming: coming.longestMs, expiring: expiring.longestMs };
  } finally {
    await process.end();
  }
}

function check(name: string, answer: PausesAnswer): PausesAnswer {
  if (answer.admitted !== answer.decisions) {
    throw new Error(`${name} refused ${answer.decisions - answer.admitted} requests within their limit`);
  }
  return answer;
}

const NOTHING = 'nothing but the accounts';

/** A map that only grows, and a store that removes an account only to make room. */
const NEVER_EXPIRE: ReadonlySet<string> = new Set(['Map get and set', '@fastify/rate-limit']);

/** Neighbours run in real time. Tollgate's clock is moved, and its counters expire as decisions are made. */
const NEIGHBOUR_WINDOW_MS = 5000;
const OURS_MAX_MS = 30_000;

/** How long after its start plus one window each has dropped all accounts of the first window, by its timers. */
const EXPIRED_AFTER_MS: Readonly<Record<string, number>> = {
  // Drops a generation with every window, and the accounts are in the second one.
  'express-rate-limit': NEIGHBOUR_WINDOW_MS,
  // A timer for each account.
  'rate-limiter-flexible': NEIGHBOUR_WINDOW_MS,
  // Scans all accounts every 10 s.
  hitlimit: 10_000,
};
