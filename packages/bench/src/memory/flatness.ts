import { type BenchOptions, isAsked, roundsOf } from '../bench-options.js';
import { OwnProcess } from '../own-process.js';
import { inTurn } from '../rounds.js';
import { ratios, spreadOf } from '../spread.js';
import { printTable, spreadCells } from '../table.js';
import { expectAdmitted } from './decisions.js';
import type { FlatnessTask } from './flatness-process.js';

/** Measures one decision for several limits and windows: its time should depend on neither. */
export async function measureFlatness(options: BenchOptions): Promise<void> {
  const title = 'Memory: flat in limit and window, one quota, half of the limit in the window all the time';
  if (!isAsked(options, title)) return;
  const { smoke } = options;
  const decisions = smoke ? 1000 : 100_000;
  // One process runs all of them in turn, since they differ only in numbers.
  const contender = new OwnProcess<FlatnessTask, { admitted: number; elapsedMs: number }>(
    new URL('./flatness-process.js', import.meta.url),
  );
  try {
    const samples = await inTurn(SETTINGS, roundsOf(options, 7), async ([name, limit, windowMs]) => {
      const { admitted, elapsedMs } = await contender.ask({
        limit: smoke ? Math.min(limit, 1000) : limit,
        windowMs,
        decisions,
      });
      expectAdmitted(name, decisions, admitted);
      return (elapsedMs / decisions) * 1e6;
    });
    const first = samples.get(SETTINGS[0]!)!;
    printTable(
      title,
      ['', 'ns', 'least to most', 'times the first', 'least to most'],
      SETTINGS.map((setting) => [
        setting[0],
        ...spreadCells(spreadOf(samples.get(setting)!)),
        ...spreadCells(ratios(samples.get(setting)!, first)),
      ]),
    );
  } finally {
    await contender.end();
  }
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const SETTINGS: readonly (readonly [name: string, limit: number, windowMs: number])[] = [
  ['10 in a minute', 10, MINUTE_MS],
  ['1,000 in a minute', 1000, MINUTE_MS],
  ['1,000,000 in a minute', 1_000_000, MINUTE_MS],
  ['1,000 in a second', 1000, 1000],
  ['1,000 in a day', 1000, DAY_MS],
  ['1,000 in 31 days', 1000, 31 * DAY_MS],
];
