import type { Redis } from 'ioredis';
import { type BenchOptions, isAsked, roundsOf } from '../bench-options.js';
import { OURS } from '../contenders/on-redis.js';
import { inTurn } from '../rounds.js';
import { ratios, spreadOf } from '../spread.js';
import { printTable, spreadCells } from '../table.js';
import type { RedisContender } from './redis-contender.js';
import { scriptUsec } from './server-cost.js';

/**
 * Measures the server time of one decision for several limits and windows. Half of the limit is used, but at most 500
 * requests: Redis runs in real time, so a window cannot be filled faster.
 */
export async function measureRedisFlatness(
  contenders: readonly RedisContender[],
  client: Redis,
  prefix: string,
  options: BenchOptions,
): Promise<void> {
  const title = 'Redis, server time: flat in limit and window, µs per decision, 1 in flight';
  if (!isAsked(options, title)) return;
  const ours = contenders.find(({ limiter }) => limiter === OURS)!;
  const samples = await inTurn(SETTINGS, roundsOf(options, 5), async (setting, round) => {
    const [, limit, windowMs] = setting;
    const perAccount = Math.min(limit / 2, 500);
    const accounts = options.smoke ? 1 : Math.ceil(4000 / perAccount);
    await ours.open({
      limit,
      windowMs,
      perSecond: 1_000_000,
      prefix: `${prefix}:f${round}:${SETTINGS.indexOf(setting)}`,
    });
    await client.config('RESETSTAT');
    const { decisions } = await ours.decide({ accounts, inFlight: 1, decisions: perAccount * accounts });
    return (await scriptUsec(client)) / decisions;
  });
  const first = samples.get(SETTINGS[0]!)!;
  printTable(
    title,
    ['', 'µs', 'least to most', 'times the first', 'least to most'],
    SETTINGS.map((setting) => [
      setting[0],
      ...spreadCells(spreadOf(samples.get(setting)!)),
      ...spreadCells(ratios(samples.get(setting)!, first)),
    ]),
  );
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const SETTINGS: readonly (readonly [name: string, limit: number, windowMs: number])[] = [
  ['10 in a minute', 10, MINUTE_MS],
  ['100 in a minute', 100, MINUTE_MS],
  ['1,000 in a minute', 1000, MINUTE_MS],
  ['1,000,000 in a minute', 1_000_000, MINUTE_MS],
  ['1,000 in ten seconds', 1000, 10_000],
  ['1,000 in 31 days', 1000, 31 * DAY_MS],
];
