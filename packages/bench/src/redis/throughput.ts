import { type BenchOptions, isAsked, roundsOf } from '../bench-options.js';
import { type OnRedisSettings, OURS } from '../contenders/on-redis.js';
import { inTurn } from '../rounds.js';
import { ratios, spreadOf } from '../spread.js';
import { figure, printTable, spreadCells } from '../table.js';
import type { RedisContender } from './redis-contender.js';

interface Workload {
  readonly title: string;
  readonly accounts: number;
  readonly limit: number;
  /** For Tollgate only: what it decides beside the quotas. */
  readonly also?: OnRedisSettings['also'];
}

const NEVER_REACHED = 1_000_000_000;

const WORKLOADS: readonly Workload[] = [
  { title: 'Redis, 512 in flight, 20,000 distinct accounts', accounts: 20_000, limit: NEVER_REACHED },
  { title: 'Redis, 512 in flight, one hot account, limit never reached', accounts: 1, limit: NEVER_REACHED },
  { title: 'Redis, 512 in flight, one refused account', accounts: 1, limit: 1 },
  { title: 'Redis, 512 in flight, 20,000 distinct, total', accounts: 20_000, limit: NEVER_REACHED, also: 'total' },
  {
    title: 'Redis, 512 in flight, 20,000 distinct, throttle',
    accounts: 20_000,
    limit: NEVER_REACHED,
    also: 'throttle',
  },
];

/** Decisions per second from one process. */
export async function measureThroughput(
  contenders: readonly RedisContender[],
  prefix: string,
  options: BenchOptions,
): Promise<void> {
  for (const [index, workload] of WORKLOADS.entries()) {
    if (isAsked(options, workload.title)) await measure(workload, contenders, `${prefix}:t${index}`, options);
  }
}

async function measure(
  { title, accounts, limit, also }: Workload,
  all: readonly RedisContender[],
  prefix: string,
  options: BenchOptions,
): Promise<void> {
  const refused = limit === 1;
  const contenders = also === undefined ? all : all.filter(({ isNeighbour }) => !isNeighbour);
  for (const contender of contenders) {
    if (!contender.isFloor) await checkExact(contender, prefix);
    await contender.open({
      limit,
      windowMs: refused ? 3_600_000 : 60_000,
      perSecond: limit,
      prefix,
      ...(also && { also }),
    });
    if (refused) await contender.decide({ accounts: 1, inFlight: 1, decisions: 1 });
  }
  const work = { accounts, inFlight: 512, forMs: options.smoke ? 20 : 400 };
  const samples = await inTurn(contenders, roundsOf(options, 5), async (contender) => {
    const { decisions, commands, elapsedMs } = await contender.decide(work, (decisions) => (refused ? 0 : decisions));
    if (refused && contender.limiter === OURS && commands > decisions / 100 + 10) {
      throw new Error(`${commands} commands went to Redis for ${decisions} refusals that the deny cache can answer`);
    }
    return (decisions / elapsedMs) * 1000;
  });
  const floor = samples.get(contenders.find(({ name }) => name === 'EVALSHA return 1')!)!;
  printTable(
    title,
    ['', 'decisions/s', 'least to most', 'times EVALSHA', 'least to most'],
    contenders.map((contender) => [
      contender.name,
      ...spreadCells(spreadOf(samples.get(contender)!)),
      ...spreadCells(ratios(samples.get(contender)!, floor)),
    ]),
  );
  if (also === undefined) printBest(contenders, (contender) => samples.get(contender)!);
}

/** Checks that exactly 500 of 1024 requests are admitted, with a limit of 500 and 512 in flight. */
async function checkExact(contender: RedisContender, prefix: string): Promise<void> {
  await contender.open({ limit: 500, windowMs: 3_600_000, perSecond: 1_000_000, prefix: `${prefix}:exact` });
  await contender.decide({ accounts: 1, inFlight: 512, decisions: 1024 }, () => 500);
}

function printBest(contenders: readonly RedisContender[], samplesOf: (contender: RedisContender) => number[]): void {
  const median = (contender: RedisContender) => spreadOf(samplesOf(contender)).median;
  const best = contenders.filter(({ isNeighbour }) => isNeighbour).toSorted((a, b) => median(b) - median(a))[0]!;
  const ours = contenders.find(({ limiter }) => limiter === OURS)!;
  const { median: times, least, most } = ratios(samplesOf(ours), samplesOf(best));
  console.log(
    `\n${OURS} is ${figure(times)} times (${figure(least)} to ${figure(most)}) the best neighbour, ${best.name}.`,
  );
}
