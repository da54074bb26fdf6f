import { type BenchOptions, isAsked, roundsOf } from '../bench-options.js';
import { inTurn } from '../rounds.js';
import { spreadOf } from '../spread.js';
import { printTable, spreadCells } from '../table.js';
import type { RedisContender } from './redis-contender.js';

/** How long one decision takes that is alone under way. */
export async function measureLatency(
  contenders: readonly RedisContender[],
  prefix: string,
  options: BenchOptions,
): Promise<void> {
  const title = 'Redis, 1 in flight, 20,000 distinct accounts: milliseconds of one decision';
  if (!isAsked(options, title)) return;
  for (const contender of contenders) {
    await contender.open({ limit: 1_000_000, windowMs: 60_000, perSecond: 100_000, prefix: `${prefix}:l` });
  }
  const work = { accounts: 20_000, inFlight: 1, forMs: options.smoke ? 20 : 400 };
  const samples = await inTurn(contenders, roundsOf(options, 5), (contender) => contender.decide(work));
  printTable(
    title,
    ['', 'p50', 'least to most', 'p99', 'least to most'],
    contenders.map((contender) => [
      contender.name,
      ...spreadCells(spreadOf(samples.get(contender)!.map(({ p50Ms }) => p50Ms))),
      ...spreadCells(spreadOf(samples.get(contender)!.map(({ p99Ms }) => p99Ms))),
    ]),
  );
}
