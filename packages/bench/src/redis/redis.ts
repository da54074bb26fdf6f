import { OwnRedis } from '@tollgate/legs-api-server/own-redis';
import { Redis } from 'ioredis';
import { type BenchOptions, isAsked, roundsOf } from '../bench-options.js';
import { inTurn } from '../rounds.js';
import { spreadOf } from '../spread.js';
import { printTable, spreadCells } from '../table.js';
import { measureRedisFlatness } from './flatness.js';
import { compareLayouts } from './layouts/layouts.js';
import { measureParties } from './parties.js';
import { type RedisContender, redisContenders } from './redis-contender.js';
import { measureServerCost } from './server-cost.js';
import { measureThroughput } from './throughput.js';
import { measureWriteBack } from './write-back.js';

export async function measureRedis(options: BenchOptions): Promise<void> {
  await withRedis(async (client, url) => {
    const contenders = redisContenders(url);
    const prefix = `bench:${process.pid}`;
    try {
      await measureThroughput(contenders, prefix, options);
      await measureParties(url, prefix, options);
      await measureLatency(contenders, prefix, options);
      await measureServerCost(contenders, client, prefix, options);
      await measureRedisFlatness(contenders, client, prefix, options);
      await measureWriteBack(url, prefix, options);
    } finally {
      for (const contender of contenders) await contender.end();
    }
  });
}

export async function measureLayouts(): Promise<void> {
  await withRedis(compareLayouts);
}

/** Uses the server of `REDIS_URL`, where every key expires, or else starts one; both over TCP. */
async function withRedis(measure: (client: Redis, url: string) => Promise<void>): Promise<void> {
  const given = process.env['REDIS_URL'];
  const own = given ? undefined : await OwnRedis.start();
  const url = own?.url ?? given!;
  const client = new Redis(url);
  try {
    const [, version = 'of unknown version'] = /redis_version:(\S+)/.exec(await client.info('server')) ?? [];
    console.log(`\nRedis ${version}, ${own === undefined ? 'as REDIS_URL says' : 'of our own'}`);
    await measure(client, url);
  } finally {
    client.disconnect();
    own?.end();
  }
}

/** Measures one decision with no other in flight. */
async function measureLatency(
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
